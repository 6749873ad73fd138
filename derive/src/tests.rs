//! The messages of the derive, at the text they point to; what it writes is tested where it is used.

use syn::{parse_str, spanned::Spanned};

/// Every message, with the source text it points at.
fn mistakes(source: &str) -> Vec<(String, String)> {
    let input: syn::DeriveInput = parse_str(source).unwrap();
    let error = crate::model::model(&input).unwrap_err();
    error.into_iter().map(|error| (error.to_string(), pointed_at(source, error.span()))).collect()
}

/// One field of a struct that is otherwise fine.
fn of_field(field: &str) -> (String, String) {
    let all = mistakes(&format!("/// A thing.\nstruct Thing {{ {field} }}"));
    assert_eq!(all.len(), 1, "{all:?}");
    all.into_iter().next().unwrap()
}

fn pointed_at(source: &str, span: proc_macro2::Span) -> String {
    let (start, end) = (span.start(), span.end());
    let lines: Vec<&str> = source.lines().collect();
    let line: Vec<char> = lines[start.line - 1].chars().collect();
    let end = if end.line == start.line { end.column } else { line.len() };
    line[start.column..end].iter().collect()
}

fn told(message: &str, place: &str) -> (String, String) {
    (message.to_owned(), place.to_owned())
}

#[test]
fn a_misspelt_word_is_refused_with_the_nearest_one() {
    assert_eq!(
        of_field("/// Name.\n #[tf(requird)] name: Attr<String>"),
        told("unknown word `requird`: did you mean `required`?", "requird")
    );
    let (message, place) = of_field("/// Name.\n #[tf(xyzxyzxyz)] name: Attr<String>");
    assert!(message.starts_with("unknown word `xyzxyzxyz`; known here: required, optional"), "{message}");
    assert_eq!(place, "xyzxyzxyz");
}

#[test]
fn descriptions_are_required() {
    assert_eq!(
        of_field("#[tf(required)] name: Attr<String>"),
        told("the field needs a doc comment: it is the description users read", "name")
    );
    assert_eq!(mistakes("struct Thing {}"), [told("the struct needs a doc comment: it is the description users read", "Thing")]);
}

#[test]
fn contradictions_are_refused_at_the_word() {
    for (field, message, place) in [
        ("#[tf(required, optional)] x: Attr<String>", "`required` contradicts `optional` and `computed`", "required"),
        ("#[tf(sensitive)] x: Attr<String>", "say who gives the value: `required`, `optional` or `computed`", "x"),
        ("#[tf(optional, stable)] x: Attr<String>", "`stable` is for computed attributes", "stable"),
        ("#[tf(computed, replace)] x: Attr<String>", "`replace` needs an attribute that users set", "replace"),
        ("#[tf(optional, optional)] x: Attr<String>", "`optional` is said twice", "optional"),
        ("#[tf(block, sensitive)] x: Attr<Inner>", "a block has no `sensitive`: say it of the attributes inside", "sensitive"),
        ("#[tf(block, required)] x: Attr<Vec<Inner>>", "a LIST block that must be written is `min = 1`", "required"),
        ("#[tf(block, min = 1)] x: Attr<Inner>", "`min` and `max` are for LIST blocks: the field is then an `Attr<Vec<…>>`", "1"),
        ("#[tf(block, min = 3, max = 2)] x: Attr<Vec<Inner>>", "`max` is below `min`; leave it out for any number", "2"),
        (
            "#[tf(block)] x: Attr<BTreeSet<Inner>>",
            "there are no SET blocks, for nothing could be told at the place of one element: use `Vec` (LIST) or `BTreeMap` (MAP)",
            "BTreeSet<Inner>",
        ),
        ("#[tf(optional, max = 2)] x: Attr<Vec<String>>", "`min` and `max` are for blocks", "2"),
        ("#[tf(required, default = \"a\")] x: Attr<String>", "a required attribute has no use for a default", "\"a\""),
        ("#[tf(computed, default = \"a\")] x: Attr<String>", "an attribute with a default is `optional`", "\"a\""),
    ] {
        assert_eq!(of_field(&format!("/// X.\n {field}")), told(message, place), "{field}");
    }
    let (message, _) = of_field("/// X.\n #[tf(optional, computed, write_only)] x: Attr<String>");
    assert!(message.starts_with("`write_only` contradicts"), "{message}");
}

#[test]
fn a_default_of_a_wrong_type_is_refused() {
    for (field, message, place) in [
        ("#[tf(optional, default = 5)] x: Attr<String>", "the default of `Attr<String>` is a string", "5"),
        ("#[tf(optional, default = \"5\")] x: Attr<u32>", "the default of `Attr<u32>` is a whole number", "\"5\""),
        ("#[tf(optional, default = 0)] x: Attr<bool>", "the default of `Attr<bool>` is true or false", "0"),
        ("#[tf(optional, default = 0)] x: Attr<Vec<i64>>", "a collection has no literal default", "0"),
        ("#[tf(optional, default = 1.5)] x: Attr<i64>", "a default is a string, true, false or a whole number", "1.5"),
    ] {
        assert_eq!(of_field(&format!("/// X.\n {field}")), told(message, place), "{field}");
    }
}

#[test]
fn only_structs_of_named_attrs_are_models() {
    assert_eq!(mistakes("/// A.\nenum Thing {}"), [told("a model is a struct", "Thing")]);
    assert_eq!(
        of_field("/// X.\n #[tf(optional)] x: Option<String>"),
        told("a model's field is an `Attr<T>`: every value may be null or unknown", "Option<String>")
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    assert_eq!(mistakes("struct Thing { a: Attr<String>, /** B. */ #[tf(blok)] b: Attr<Inner> }").len(), 3);
}

#[test]
fn blocks_that_may_be_written_often_are_held_to_types_that_are_not_left_open() {
    let asserts = |ty: &str| {
        let input = parse_str(&format!("/// A.\nstruct Thing {{ /// B.\n #[tf(block)] b: Attr<{ty}> }}")).unwrap();
        crate::model::model(&input).unwrap().to_string().contains("`b`: a LIST or MAP block cannot hold an attribute of any type")
    };
    assert!(asserts("Vec<Inner>") && asserts("BTreeMap<String, Inner>") && !asserts("Inner"));
}

#[test]
fn a_doc_comment_keeps_its_lines() {
    let input: syn::DeriveInput = parse_str("/// One.\n///\n/// * two\nstruct Thing {}").unwrap();
    assert_eq!(crate::field::description(&input.attrs, input.span(), "it").unwrap(), "One.\n\n* two");
}
