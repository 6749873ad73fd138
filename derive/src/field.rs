//! One field of a model: what its type and its words say, checked against each other.

use proc_macro2::Span;
use syn::{Attribute, Expr, ExprLit, GenericArgument, Ident, Lit, Meta, PathArguments, Type, ext::IdentExt, spanned::Spanned};

use crate::words::{Default, Words};

/// A checked field.
pub struct Field {
    pub ident: Ident,
    /// Name in the schema.
    pub name: String,
    /// Markdown.
    pub description: String,
    /// The T of `Attr<T>`.
    pub ty: Type,
    pub words: Words,
    pub kind: Kind,
}

/// What the field is in the schema.
pub enum Kind {
    /// With the variant of `Mode`.
    Attribute(Ident),
    /// A block of nesting SINGLE.
    Single,
    /// A block of nesting LIST, with the type of its elements.
    List(Type),
    /// A block of nesting MAP, with the type of its elements.
    Map(Type),
}

impl Field {
    pub fn parse(field: &syn::Field) -> syn::Result<Self> {
        let ident = field.ident.clone().ok_or_else(|| syn::Error::new(field.span(), "a model's fields have names"))?;
        let words = Words::of_field(&field.attrs)?;
        let ty = generic(&field.ty, "Attr", 0)
            .cloned()
            .ok_or_else(|| syn::Error::new(field.ty.span(), "a model's field is an `Attr<T>`: every value may be null or unknown"))?;
        let description = description(&field.attrs, ident.span(), "the field")?;
        let kind = if words.block.is_some() { block(&ty, &words)? } else { Kind::Attribute(mode(&ident, &ty, &words)?) };
        Ok(Self { name: ident.unraw().to_string(), ident, description, ty, words, kind })
    }
}

/// The doc comment, which is the description users read.
pub fn description(attributes: &[Attribute], place: Span, subject: &str) -> syn::Result<String> {
    let lines: Vec<String> = attributes.iter().filter_map(doc_line).collect();
    let text = lines.join("\n").trim().to_owned();
    if text.is_empty() {
        return Err(syn::Error::new(place, format!("{subject} needs a doc comment: it is the description users read")));
    }
    Ok(text)
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    match &pair.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if pair.path.is_ident("doc") => {
            let line = text.value();
            Some(line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned())
        }
        _ => None,
    }
}

/// The generic argument at `index` when the type's last segment is `name`.
fn generic<'a>(ty: &'a Type, name: &str, index: usize) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.iter().nth(index)? {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

fn refuse<T>(place: Option<Span>, text: &str) -> syn::Result<T> {
    Err(syn::Error::new(place.unwrap_or_else(Span::call_site), text))
}

/// Elements of a set have no index.
const NO_SET_BLOCKS: &str =
    "there are no SET blocks, for nothing could be told at the place of one element: use `Vec` (LIST) or `BTreeMap` (MAP)";

fn block(ty: &Type, words: &Words) -> syn::Result<Kind> {
    for (place, word) in [
        (words.optional, "optional"),
        (words.computed, "computed"),
        (words.stable, "stable"),
        (words.sensitive, "sensitive"),
        (words.write_only, "write_only"),
        (words.default.as_ref().map(Default::span), "default"),
    ] {
        if place.is_some() {
            return refuse(place, &format!("a block has no `{word}`: say it of the attributes inside"));
        }
    }
    if let Some(element) = generic(ty, "Vec", 0) {
        if words.required.is_some() {
            return refuse(words.required, "a LIST block that must be written is `min = 1`");
        }
        bounds(words)?;
        return Ok(Kind::List(element.clone()));
    }
    if generic(ty, "BTreeSet", 0).is_some() {
        return refuse(Some(ty.span()), NO_SET_BLOCKS);
    }
    if let Some(bound) = words.min.as_ref().or(words.max.as_ref()) {
        return refuse(Some(bound.span()), "`min` and `max` are for LIST blocks: the field is then an `Attr<Vec<…>>`");
    }
    match generic(ty, "BTreeMap", 1) {
        Some(_) if words.required.is_some() => refuse(words.required, "a MAP block cannot be required"),
        Some(element) => Ok(Kind::Map(element.clone())),
        None => Ok(Kind::Single),
    }
}

fn bounds(words: &Words) -> syn::Result<()> {
    let value = |bound: &Option<syn::LitInt>| bound.as_ref().map(syn::LitInt::base10_parse::<i64>).transpose();
    match (value(&words.min)?, value(&words.max)?) {
        (Some(min), Some(max)) if max < min || max == 0 => {
            refuse(words.max.as_ref().map(syn::LitInt::span), "`max` is below `min`; leave it out for any number")
        }
        _ => Ok(()),
    }
}

/// The variant of `Mode`, after the words were held against each other.
fn mode(ident: &Ident, ty: &Type, words: &Words) -> syn::Result<Ident> {
    if let Some(bound) = words.min.as_ref().or(words.max.as_ref()) {
        return refuse(Some(bound.span()), "`min` and `max` are for blocks");
    }
    if words.required.is_some() {
        if words.optional.is_some() || words.computed.is_some() {
            return refuse(words.required, "`required` contradicts `optional` and `computed`");
        }
        if let Some(default) = &words.default {
            return refuse(Some(default.span()), "a required attribute has no use for a default");
        }
    }
    if let Some(default) = &words.default {
        if words.optional.is_none() {
            return refuse(Some(default.span()), "an attribute with a default is `optional`");
        }
        default_fits(default, ty)?;
    }
    let computed = words.computed.is_some() || words.default.is_some();
    if words.write_only.is_some() && computed {
        return refuse(words.write_only, "`write_only` contradicts `computed` and `default`: the value is never stored");
    }
    if words.stable.is_some() && words.computed.is_none() {
        return refuse(words.stable, "`stable` is for computed attributes");
    }
    if words.replace.is_some() && computed && words.optional.is_none() {
        return refuse(words.replace, "`replace` needs an attribute that users set");
    }
    let variant = match (words.required.is_some(), words.optional.is_some(), computed) {
        (true, ..) => "Required",
        (_, true, true) => "OptionalComputed",
        (_, true, false) => "Optional",
        (_, false, true) => "Computed",
        (false, false, false) => return refuse(Some(ident.span()), "say who gives the value: `required`, `optional` or `computed`"),
    };
    Ok(Ident::new(variant, Span::call_site()))
}

/// Refuses a default that the scalar types of Rust show to be wrong; types of the domain are checked by `round_trips`.
fn default_fits(default: &Default, ty: &Type) -> syn::Result<()> {
    let Type::Path(path) = ty else { return Ok(()) };
    let name = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    let wanted = match (name.as_str(), default) {
        ("String", Default::Flag(_) | Default::Whole(_)) => "a string",
        ("bool", Default::Text(_) | Default::Whole(_)) => "true or false",
        ("i64" | "u32" | "u64" | "Number", Default::Text(_) | Default::Flag(_)) => "a whole number",
        ("Vec" | "BTreeMap" | "BTreeSet", _) => return refuse(Some(default.span()), "a collection has no literal default"),
        _ => return Ok(()),
    };
    refuse(Some(default.span()), &format!("the default of `Attr<{name}>` is {wanted}"))
}
