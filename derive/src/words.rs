//! The words of `#[tf(…)]`: parsed with their place, and refused when misspelt, repeated or contradictory.

use proc_macro2::Span;
use syn::{Attribute, Expr, ExprLit, ExprUnary, Lit, LitInt, LitStr, UnOp, meta::ParseNestedMeta, spanned::Spanned};

/// Every word a field knows.
const FIELD_WORDS: [&str; 12] =
    ["required", "optional", "computed", "replace", "stable", "sensitive", "write_only", "block", "default", "min", "max", "deprecated"];

/// Every word a struct knows.
const STRUCT_WORDS: [&str; 1] = ["deprecated"];

/// What was said about one field or struct. A word's place is kept for messages.
#[derive(Default)]
pub struct Words {
    /// The user must give the value; the block must be written.
    pub required: Option<Span>,
    /// The user may give the value.
    pub optional: Option<Span>,
    /// The provider may give the value.
    pub computed: Option<Span>,
    /// A change needs a new object.
    pub replace: Option<Span>,
    /// The provider's value is not marked unknown when something else changes.
    pub stable: Option<Span>,
    pub sensitive: Option<Span>,
    /// The value is never stored.
    pub write_only: Option<Span>,
    /// A nested block: SINGLE for a model, LIST for `Vec`, MAP for `BTreeMap`. There are no SET blocks: what is wrong in an element of a set has no
    /// place to be told at. A LIST or MAP block holds no attribute of any type: its value would be a tuple or an object, which models have not.
    pub block: Option<Span>,
    /// The value planned when the configuration gives none.
    pub default: Option<Default>,
    /// How often a LIST block is written.
    pub min: Option<LitInt>,
    pub max: Option<LitInt>,
    /// Why it should no longer be used.
    pub deprecated: Option<LitStr>,
}

/// A literal default.
pub enum Default {
    Text(LitStr),
    Flag(syn::LitBool),
    /// With its sign.
    Whole(Box<Expr>),
}

impl Default {
    pub fn span(&self) -> Span {
        match self {
            Self::Text(text) => text.span(),
            Self::Flag(flag) => flag.span(),
            Self::Whole(whole) => whole.span(),
        }
    }
}

impl Words {
    pub fn of_field(attributes: &[Attribute]) -> syn::Result<Self> {
        Self::parse(attributes, &FIELD_WORDS)
    }

    pub fn of_struct(attributes: &[Attribute]) -> syn::Result<Self> {
        Self::parse(attributes, &STRUCT_WORDS)
    }

    fn parse(attributes: &[Attribute], known: &[&str]) -> syn::Result<Self> {
        let mut words = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("tf")) {
            attribute.parse_nested_meta(|meta| {
                let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                if known.contains(&word.as_str()) { words.take(&word, &meta) } else { Err(unknown_word(&meta, &word, known)) }
            })?;
        }
        Ok(words)
    }

    fn take(&mut self, word: &str, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let again = || Err(meta.error(format!("`{word}` is said twice")));
        let taken = match word {
            "default" => self.default.replace(default(meta.value()?.parse()?)?).is_some(),
            "min" => self.min.replace(meta.value()?.parse()?).is_some(),
            "max" => self.max.replace(meta.value()?.parse()?).is_some(),
            "deprecated" => self.deprecated.replace(meta.value()?.parse()?).is_some(),
            flag => match self.flag(flag) {
                Some(place) => place.replace(meta.path.span()).is_some(),
                None => return Err(meta.error(format!("`{flag}` has no meaning"))),
            },
        };
        if taken { again() } else { Ok(()) }
    }

    fn flag(&mut self, word: &str) -> Option<&mut Option<Span>> {
        Some(match word {
            "required" => &mut self.required,
            "optional" => &mut self.optional,
            "computed" => &mut self.computed,
            "replace" => &mut self.replace,
            "stable" => &mut self.stable,
            "sensitive" => &mut self.sensitive,
            "write_only" => &mut self.write_only,
            "block" => &mut self.block,
            _ => return None,
        })
    }
}

fn default(literal: Expr) -> syn::Result<Default> {
    match literal {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(Default::Text(text)),
        Expr::Lit(ExprLit { lit: Lit::Bool(flag), .. }) => Ok(Default::Flag(flag)),
        Expr::Lit(ExprLit { lit: Lit::Int(_), .. }) => Ok(Default::Whole(Box::new(literal))),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), ref expr, .. }) if matches!(**expr, Expr::Lit(ExprLit { lit: Lit::Int(_), .. })) => {
            Ok(Default::Whole(Box::new(literal)))
        }
        other => Err(syn::Error::new(other.span(), "a default is a string, true, false or a whole number")),
    }
}

fn unknown_word(meta: &ParseNestedMeta<'_>, word: &str, known: &[&str]) -> syn::Error {
    let nearest = known.iter().map(|known| (distance(word, known), known)).min();
    match nearest {
        Some((distance, nearest)) if distance <= 3 => meta.error(format!("unknown word `{word}`: did you mean `{nearest}`?")),
        _ => meta.error(format!("unknown word `{word}`; known here: {}", known.join(", "))),
    }
}

/// Insertions, deletions and replacements between two words.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}
