//! `#[derive(Model)]`.

#[proc_macro_derive(Model, attributes(tf))]
pub fn model(_input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    proc_macro::TokenStream::new()
}
