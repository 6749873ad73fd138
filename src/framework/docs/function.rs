//! The page of a function.

use std::fmt::Write;

use super::{head, line, nested_schemas, one_line, type_name};
use crate::framework::{erased::Signature, path::Path, value::Type};

/// The whole page of the function `name` in Markdown. `example` is a configuration that calls it; empty for none.
pub fn render(provider: &str, name: &str, signature: &Signature, example: &str) -> String {
    let description = format!("{}.\n\n{}", signature.summary.trim_end_matches('.'), signature.description);
    let mut text = head(&format!("{name} function - {provider}"), &format!("function: {name}"), &description, example);
    let parameters: Vec<String> = signature.parameters.iter().map(|p| format!("{} {}", p.name, type_word(&p.ty))).collect();
    let _ = write!(text, "## Signature\n\n```text\n{name}({}) {}\n```\n", parameters.join(", "), type_word(&signature.returns));
    if !signature.parameters.is_empty() {
        text.push_str("\n## Arguments\n\n");
        for (position, parameter) in signature.parameters.iter().enumerate() {
            let nullable = if parameter.nullable { ", Nullable" } else { "" };
            let (name, ty, words) = (parameter.name, type_name(&parameter.ty), one_line(parameter.description));
            let _ = writeln!(text, "{}. `{name}` ({ty}{nullable}) {words}", position + 1);
        }
    }
    if let Some(block) = &signature.fields {
        let _ = write!(text, "\n## Return Value\n\n{} with these fields:\n\n", type_name(&signature.returns));
        let mut pending = Vec::new();
        for attribute in &block.attributes {
            line(attribute, &Path::from(attribute.name.as_str()), &mut text, &mut pending);
        }
        nested_schemas(pending, &mut text);
    }
    text
}

/// A type as a signature spells it.
fn type_word(ty: &Type) -> String {
    type_name(ty).to_lowercase().replace("boolean", "bool")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::{
        attr::Attr,
        erased::{AnyFunction, ErasedFunction},
        model::Model,
        parts::{Function, FunctionError},
    };

    /// Half.
    #[derive(Clone, Debug, PartialEq, Model)]
    struct Half {
        /// The half itself.
        #[tf(computed)]
        value: Attr<i64>,
    }

    struct Halve;

    impl Function for Halve {
        const NAME: &'static str = "halve";
        const SUMMARY: &'static str = "Halves";
        const DESCRIPTION: &'static str = "Rounds down.";
        const PARAMETERS: &'static [(&'static str, &'static str)] =
            &[("whole", "What is halved."), ("strict", "Whether odd numbers are refused.")];
        type Arguments = (i64, Attr<bool>);
        type Returns = Half;

        fn call(&self, (whole, _): Self::Arguments) -> Result<Half, FunctionError> {
            Ok(Half { value: (whole / 2).into() })
        }
    }

    #[test]
    fn a_page_tells_how_a_function_is_called_and_what_it_gives() {
        let halve = ErasedFunction::new(Halve);
        let expected = "---\npage_title: \"halve function - kaas\"\nsubcategory: \"\"\ndescription: |-\n  Halves.\n---\n
# function: halve\n\nHalves.\n\nRounds down.\n
## Example Usage\n\n```terraform\nx\n```\n
## Signature\n\n```text\nhalve(whole number, strict bool) object\n```\n
## Arguments\n
1. `whole` (Number) What is halved.
2. `strict` (Boolean, Nullable) Whether odd numbers are refused.\n
## Return Value\n\nObject with these fields:\n
- `value` (Number) The half itself.\n";
        assert_eq!(render("kaas", "halve", halve.signature(), "x\n"), expected);
    }
}
