//! `#[derive(Model)]`: one struct declares a Terraform schema, its decoding and its encoding.
//!
//! Doc comments are the descriptions users read, so each is required. What the words in `#[tf(…)]` mean stands at [`words::Words`].

mod field;
mod model;
#[cfg(test)]
mod tests;
mod words;

/// Writes `Model` and `AttributeValue` for a struct of `Attr<T>` fields, and a constant per field with its name: `Tenant::NAME`.
#[proc_macro_derive(Model, attributes(tf))]
pub fn model(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    model::model(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
