//! Writes the code of a model from its checked fields.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields, spanned::Spanned};

use crate::{
    field::{Field, Kind, description},
    words::{Default, Words},
};

/// The derived code, or every mistake at its place.
pub fn model(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new(input.ident.span(), "a model is a struct"));
    };
    let Fields::Named(named) = &data.fields else {
        return Err(syn::Error::new(data.fields.span(), "a model's fields have names"));
    };
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new(input.generics.span(), "a model has no type parameters"));
    }
    let mut mistakes: Option<syn::Error> = None;
    let mut keep = |mistake: syn::Error| match &mut mistakes {
        Some(first) => first.combine(mistake),
        None => mistakes = Some(mistake),
    };
    let text = description(&input.attrs, input.ident.span(), "the struct").map_err(&mut keep).unwrap_or_default();
    let words = Words::of_struct(&input.attrs).map_err(&mut keep).unwrap_or_default();
    let fields: Vec<Field> = named.named.iter().filter_map(|field| Field::parse(field).map_err(&mut keep).ok()).collect();
    match mistakes {
        Some(mistakes) => Err(mistakes),
        None => Ok(implementations(input, &text, &words, &fields)),
    }
}

fn implementations(input: &DeriveInput, text: &str, words: &Words, fields: &[Field]) -> TokenStream {
    let (name, vis) = (&input.ident, &input.vis);
    let deprecated = option(words.deprecated.as_ref());
    let attributes = fields.iter().filter_map(attribute);
    let blocks = fields.iter().filter_map(nested);
    let constants = fields.iter().map(|field| constant(field, vis));
    let idents: Vec<_> = fields.iter().map(|field| &field.ident).collect();
    let locals: Vec<_> = fields.iter().map(|field| format_ident!("field_{}", field.name)).collect();
    let decoded = fields.iter().map(decode);
    let types = fields.iter().map(|field| &field.ty);
    let encoded = fields.iter().map(encode);
    let settled = fields.iter().map(settle);
    quote! {
        #[automatically_derived]
        #[allow(dead_code, reason = "not every field is named in code")]
        impl #name {
            #(#constants)*
        }

        #[automatically_derived]
        impl ::kaas::framework::model::Model for #name {
            fn block() -> ::kaas::framework::schema::Block {
                ::kaas::framework::schema::Block {
                    description: #text.to_owned(),
                    attributes: ::std::vec![#(#attributes),*],
                    blocks: ::std::vec![#(#blocks),*],
                    deprecated: #deprecated,
                }
            }
        }

        #[automatically_derived]
        impl ::kaas::framework::model::AttributeValue for #name {
            const DYNAMIC: bool = false #(|| <#types as ::kaas::framework::model::AttributeValue>::DYNAMIC)*;

            fn ty() -> ::kaas::framework::value::Type {
                <Self as ::kaas::framework::model::Model>::block().object_type()
            }

            fn decode(
                value: &::kaas::framework::value::Value,
                at: &::kaas::framework::path::Path,
                found: &mut ::kaas::framework::diagnostic::Diagnostics,
            ) -> ::core::option::Option<Self> {
                if !::kaas::framework::model::is_object::<Self>(value, at, found) {
                    return ::core::option::Option::None;
                }
                #(let #locals = #decoded;)*
                ::core::option::Option::Some(Self { #(#idents: #locals?),* })
            }

            fn encode(&self) -> ::kaas::framework::value::Value {
                ::kaas::framework::value::Value::Map([#(#encoded),*].into_iter().collect())
            }

            fn fields() -> ::core::option::Option<::kaas::framework::schema::Block> {
                ::core::option::Option::Some(<Self as ::kaas::framework::model::Model>::block())
            }

            fn settle(prior: &::kaas::framework::value::Value, value: &mut ::kaas::framework::value::Value) {
                #(#settled)*
            }
        }
    }
}

fn constant(field: &Field, vis: &syn::Visibility) -> TokenStream {
    let (name, constant) = (&field.name, format_ident!("{}", field.name.to_uppercase()));
    let doc = format!("Name of `{name}`.");
    quote! {
        #[doc = #doc]
        #vis const #constant: ::kaas::framework::model::Field = ::kaas::framework::model::Field(#name);
    }
}

fn option(text: Option<&syn::LitStr>) -> TokenStream {
    match text {
        Some(text) => quote!(::core::option::Option::Some(#text.to_owned())),
        None => quote!(::core::option::Option::None),
    }
}

fn attribute(field: &Field) -> Option<TokenStream> {
    let Kind::Attribute(mode) = &field.kind else { return None };
    let Field { name, description, ty, words, .. } = field;
    let default = match &words.default {
        None => quote!(::core::option::Option::None),
        Some(Default::Text(text)) => quote!(::core::option::Option::Some(::kaas::framework::value::Value::from(#text))),
        Some(Default::Flag(flag)) => quote!(::core::option::Option::Some(::kaas::framework::value::Value::from(#flag))),
        Some(Default::Whole(whole)) => quote!(::core::option::Option::Some(::kaas::framework::value::Value::from(#whole as i64))),
    };
    let deprecated = option(words.deprecated.as_ref());
    let (sensitive, write_only) = (words.sensitive.is_some(), words.write_only.is_some());
    let (replace, stable) = (words.replace.is_some(), words.stable.is_some());
    Some(quote! {
        ::kaas::framework::schema::Attribute {
            name: #name.to_owned(),
            ty: <#ty as ::kaas::framework::model::AttributeValue>::ty(),
            description: #description.to_owned(),
            mode: ::kaas::framework::schema::Mode::#mode,
            sensitive: #sensitive,
            write_only: #write_only,
            replace: #replace,
            stable: #stable,
            default: #default,
            deprecated: #deprecated,
            fields: <#ty as ::kaas::framework::model::AttributeValue>::fields(),
        }
    })
}

fn nested(field: &Field) -> Option<TokenStream> {
    let Field { name, description, ty, words, .. } = field;
    let (min, max) = (words.min.iter(), words.max.iter());
    let (element, nesting) = match &field.kind {
        Kind::Attribute(_) => return None,
        Kind::Single => (ty, quote!(Single)),
        Kind::List(element) => (element, quote!(List { min: 0 #(+ #min)*, max: 0 #(+ #max)* })),
        Kind::Map(element) => (element, quote!(Map)),
    };
    let typed = match &field.kind {
        Kind::List(_) | Kind::Map(_) => {
            let why = format!("`{name}`: a LIST or MAP block cannot hold an attribute of any type");
            Some(quote!(const { ::core::assert!(!<#element as ::kaas::framework::model::AttributeValue>::DYNAMIC, #why) };))
        }
        Kind::Attribute(_) | Kind::Single => None,
    };
    let deprecated = words.deprecated.as_ref().map(|why| quote!(deprecated: ::core::option::Option::Some(#why.to_owned()),));
    let (required, replace) = (words.required.is_some(), words.replace.is_some());
    Some(quote! {{
        #typed
        ::kaas::framework::schema::NestedBlock {
            name: #name.to_owned(),
            nesting: ::kaas::framework::schema::Nesting::#nesting,
            required: #required,
            replace: #replace,
            block: ::kaas::framework::schema::Block {
                description: #description.to_owned(),
                #deprecated
                ..<#element as ::kaas::framework::model::Model>::block()
            },
        }
    }})
}

fn decode(field: &Field) -> TokenStream {
    let Field { name, ty, .. } = field;
    match field.kind {
        Kind::Attribute(_) | Kind::Single => quote!(::kaas::framework::model::decode_field::<#ty>(value, #name, at, found)),
        Kind::List(_) | Kind::Map(_) => quote!(::kaas::framework::model::decode_blocks::<#ty>(value, #name, at, found)),
    }
}

fn encode(field: &Field) -> TokenStream {
    let Field { name, ident, .. } = field;
    match field.kind {
        Kind::Attribute(_) | Kind::Single => quote!((#name.to_owned(), ::kaas::framework::attr::Attr::encode(&self.#ident))),
        Kind::List(_) | Kind::Map(_) => quote!((#name.to_owned(), ::kaas::framework::model::encode_blocks(&self.#ident))),
    }
}

fn settle(field: &Field) -> TokenStream {
    let Field { name, ty, .. } = field;
    quote!(::kaas::framework::model::settle_field::<#ty>(prior, value, #name);)
}
