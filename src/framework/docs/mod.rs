//! The page of a resource, data source, ephemeral resource, function or provider in a registry, as `tfplugindocs` would write it from the schema.

mod function;

use std::fmt::Write;

use super::{
    path::Path,
    schema::{Attribute, Block, IdentityAttribute, Mode, NestedBlock, Nesting},
    value::{Type, Value},
};

pub use function::render as render_function;

/// What a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Provider,
    Resource,
    DataSource,
    EphemeralResource,
}

impl Kind {
    const fn title(self) -> &'static str {
        match self {
            Self::Provider => "Provider",
            Self::Resource => "Resource",
            Self::DataSource => "Data Source",
            Self::EphemeralResource => "Ephemeral Resource",
        }
    }
}

/// What stands on a page beside the schema.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    pub provider: &'a str,
    /// Type name such as `kaas_tenant`; the provider's own name for its page.
    pub name: &'a str,
    pub kind: Kind,
    /// Configuration shown as the example; empty for none.
    pub example: &'a str,
    /// Markdown with headings of its own between the example and the schema; empty for none.
    pub notes: &'a str,
    pub import: Import<'a>,
}

/// How an object is imported; a way that is empty is not shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Import<'a> {
    /// An import block with `identity`.
    pub by_identity: &'a str,
    /// What such a block names.
    pub identity: &'a [IdentityAttribute],
    /// An import block with `id`.
    pub by_id: &'a str,
    /// Commands.
    pub command: &'a str,
}

/// The whole page in Markdown.
pub fn render(page: &Page<'_>, block: &Block) -> String {
    let Page { provider, name, kind, example, notes, import } = page;
    let heading = if *kind == Kind::Provider { format!("{provider} Provider") } else { format!("{name} ({})", kind.title()) };
    let title = if *kind == Kind::Provider { heading.clone() } else { format!("{name} {} - {provider}", kind.title()) };
    let mut text = head(&title, &heading, &block.description, example);
    if !notes.is_empty() {
        let _ = write!(text, "{}\n\n", notes.trim());
    }
    text.push_str("## Schema\n");
    let mut pending = Vec::new();
    section(block, "### ", &Path::root(), &mut text, &mut pending);
    nested_schemas(pending, &mut text);
    imports(import, &mut text);
    text
}

/// Front matter, heading, description and example. The first paragraph of the description is the summary.
fn head(title: &str, heading: &str, description: &str, example: &str) -> String {
    let description = description.trim();
    let summary = one_line(description.split("\n\n").next().unwrap_or_default());
    let mut text =
        format!("---\npage_title: \"{title}\"\nsubcategory: \"\"\ndescription: |-\n  {summary}\n---\n\n# {heading}\n\n{description}\n\n");
    if !example.is_empty() {
        let _ = write!(text, "## Example Usage\n\n```terraform\n{}\n```\n\n", example.trim());
    }
    text
}

fn imports(import: &Import<'_>, text: &mut String) {
    let Import { by_identity, identity, by_id, command } = import;
    if by_identity.is_empty() && by_id.is_empty() && command.is_empty() {
        return;
    }
    text.push_str("\n## Import\n");
    if !by_identity.is_empty() {
        let _ = write!(
            text,
            "\nIn Terraform and OpenTofu 1.12 and later, an `import` block may name the object by its identity:\n\n```terraform\n{}\n```\n\n### Identity Schema\n",
            by_identity.trim()
        );
        for (group, required) in [("Required", true), ("Optional", false)] {
            let members: Vec<_> = identity.iter().filter(|attribute| attribute.required_for_import == required).collect();
            if !members.is_empty() {
                let _ = write!(text, "\n#### {group}\n\n");
            }
            for attribute in members {
                let _ = writeln!(text, "- `{}` ({}) {}", attribute.name, type_name(&attribute.ty), one_line(&attribute.description));
            }
        }
    }
    if !by_id.is_empty() {
        let _ = write!(
            text,
            "\nIn Terraform 1.5 and OpenTofu 1.6 and later, an `import` block may give its id:\n\n```terraform\n{}\n```\n",
            by_id.trim()
        );
    }
    if !command.is_empty() {
        let _ = write!(text, "\nThe `import` command takes its id:\n\n```shell\n{}\n```\n", command.trim());
    }
}

/// A schema told further down the page.
struct Pending<'a> {
    anchor: String,
    path: Path,
    block: &'a Block,
    /// Fields of an object are only read or written as a whole: they have no modes of their own.
    object: bool,
}

fn nested_schemas(pending: Vec<Pending<'_>>, text: &mut String) {
    for Pending { anchor, path, block, object } in pending {
        let _ = write!(text, "\n<a id=\"{anchor}\"></a>\n### Nested Schema for `{path}`\n");
        let mut inner = Vec::new();
        if object {
            text.push('\n');
            for attribute in &block.attributes {
                line(attribute, &path.attribute(&attribute.name), text, &mut inner);
            }
        } else {
            section(block, "", &path, text, &mut inner);
        }
        nested_schemas(inner, text);
    }
}

/// Required, optional and read-only members, each group in the order of their names.
fn section<'a>(block: &'a Block, mark: &str, at: &Path, text: &mut String, pending: &mut Vec<Pending<'a>>) {
    let colon = if mark.is_empty() { ":" } else { "" };
    for group in ["Required", "Optional", "Read-Only"] {
        let mut members: Vec<Member<'_>> = block.attributes.iter().map(Member::Attribute).collect();
        members.extend(block.blocks.iter().map(Member::Block));
        members.retain(|member| member.group() == group);
        members.sort_by_key(|member| member.name());
        if members.is_empty() {
            continue;
        }
        let _ = write!(text, "\n{mark}{group}{colon}\n\n");
        for member in members {
            let path = at.attribute(member.name());
            match member {
                Member::Attribute(attribute) => line(attribute, &path, text, pending),
                Member::Block(nested) => block_line(nested, path, text, pending),
            }
        }
    }
}

enum Member<'a> {
    Attribute(&'a Attribute),
    Block(&'a NestedBlock),
}

impl<'a> Member<'a> {
    fn name(&self) -> &'a str {
        match self {
            Self::Attribute(attribute) => &attribute.name,
            Self::Block(nested) => &nested.name,
        }
    }

    fn group(&self) -> &'static str {
        match self {
            Self::Attribute(attribute) => match attribute.mode {
                Mode::Required => "Required",
                Mode::Optional | Mode::OptionalComputed => "Optional",
                Mode::Computed => "Read-Only",
            },
            Self::Block(NestedBlock { required: true, .. }) => "Required",
            Self::Block(NestedBlock { nesting: Nesting::List { min, .. } | Nesting::Set { min, .. }, .. }) if *min > 0 => "Required",
            Self::Block(_) => "Optional",
        }
    }
}

fn line<'a>(attribute: &'a Attribute, path: &Path, text: &mut String, pending: &mut Vec<Pending<'a>>) {
    let mut traits = vec![type_name(&attribute.ty)];
    traits.extend(attribute.sensitive.then(|| "Sensitive".to_owned()));
    traits.extend(attribute.write_only.then(|| "Write-only".to_owned()));
    traits.extend(attribute.deprecated.is_some().then(|| "Deprecated".to_owned()));
    let mut words = vec![one_line(&attribute.description)];
    words.extend(attribute.deprecated.as_deref().map(|why| format!("**Deprecated:** {}", one_line(why))));
    words.extend(attribute.default.as_ref().map(|default| format!("Default: `{}`.", literal(default))));
    words.extend(attribute.replace.then(|| "A change makes a new object.".to_owned()));
    if let Some(block) = &attribute.fields {
        let anchor = anchor("nestedatt", path);
        words.push(format!("(see [below for nested schema](#{anchor}))"));
        pending.push(Pending { anchor, path: path.clone(), block, object: true });
    }
    let _ = writeln!(text, "- `{}` ({}) {}", attribute.name, traits.join(", "), words.join(" "));
}

fn block_line<'a>(nested: &'a NestedBlock, path: Path, text: &mut String, pending: &mut Vec<Pending<'a>>) {
    let mut traits = match nested.nesting {
        Nesting::Single => vec!["Block".to_owned()],
        Nesting::List { .. } => vec!["Block List".to_owned()],
        Nesting::Set { .. } => vec!["Block Set".to_owned()],
        Nesting::Map => vec!["Block Map".to_owned()],
    };
    if let Nesting::List { min, max } | Nesting::Set { min, max } = nested.nesting {
        traits.extend((min > 0).then(|| format!("Min: {min}")));
        traits.extend((max > 0).then(|| format!("Max: {max}")));
    }
    traits.extend(nested.block.deprecated.is_some().then(|| "Deprecated".to_owned()));
    let anchor = anchor("nestedblock", &path);
    let mut words = vec![one_line(&nested.block.description)];
    words.extend(nested.block.deprecated.as_deref().map(|why| format!("**Deprecated:** {}", one_line(why))));
    words.extend(nested.replace.then(|| "A change makes a new object.".to_owned()));
    words.push(format!("(see [below for nested schema](#{anchor}))"));
    let _ = writeln!(text, "- `{}` ({}) {}", nested.name, traits.join(", "), words.join(" "));
    pending.push(Pending { anchor, path, block: &nested.block, object: false });
}

fn anchor(kind: &str, path: &Path) -> String {
    format!("{kind}--{}", path.to_string().replace('.', "--"))
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::String => "String".to_owned(),
        Type::Number => "Number".to_owned(),
        Type::Bool => "Boolean".to_owned(),
        Type::Dynamic => "Dynamic".to_owned(),
        Type::List(of) => format!("List of {}", type_name(of)),
        Type::Set(of) => format!("Set of {}", type_name(of)),
        Type::Map(of) => format!("Map of {}", type_name(of)),
        Type::Object(_) => "Object".to_owned(),
        Type::Tuple(_) => "Tuple".to_owned(),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}

/// A list item has one line; paragraphs are joined.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::{attr::Attr, model::Model};

    /// A thing.
    ///
    /// With more words.
    #[derive(Clone, Debug, PartialEq, Model)]
    struct Thing {
        /// Where it is,
        /// roughly.
        #[tf(optional, default = "here")]
        place: Attr<String>,
        /// Name.
        #[tf(required, replace)]
        name: Attr<String>,
        /// What it has become.
        #[tf(computed)]
        status: Attr<Status>,
        /// Volumes.
        #[tf(block, min = 1)]
        volume: Attr<Vec<Volume>>,
        /// Secret.
        #[tf(optional, write_only, sensitive)]
        password: Attr<String>,
    }

    /// Status.
    #[derive(Clone, Debug, PartialEq, Model)]
    struct Status {
        /// Phase.
        #[tf(computed)]
        phase: Attr<String>,
    }

    /// Volume.
    #[derive(Clone, Debug, PartialEq, Model)]
    struct Volume {
        /// Size.
        #[tf(required, deprecated = "use bytes")]
        gib: Attr<i64>,
    }

    #[test]
    fn a_page_tells_the_whole_schema() {
        let identity = [IdentityAttribute {
            name: "name".to_owned(),
            ty: Type::String,
            description: "Its name.".to_owned(),
            required_for_import: true,
        }];
        let import =
            Import { by_identity: "import { i }\n", identity: &identity, by_id: "import { d }\n", command: "terraform import x y" };
        let page = Page { provider: "kaas", name: "kaas_thing", kind: Kind::Resource, example: "x {}\n", notes: "## More\n", import };
        let expected = "---\npage_title: \"kaas_thing Resource - kaas\"\nsubcategory: \"\"\ndescription: |-\n  A thing.\n---\n
# kaas_thing (Resource)\n\nA thing.\n\nWith more words.\n
## Example Usage\n\n```terraform\nx {}\n```\n
## More\n
## Schema\n
### Required\n
- `name` (String) Name. A change makes a new object.
- `volume` (Block List, Min: 1) Volumes. (see [below for nested schema](#nestedblock--volume))\n
### Optional\n
- `password` (String, Sensitive, Write-only) Secret.
- `place` (String) Where it is, roughly. Default: `\"here\"`.\n
### Read-Only\n
- `status` (Object) What it has become. (see [below for nested schema](#nestedatt--status))\n
<a id=\"nestedblock--volume\"></a>\n### Nested Schema for `volume`\n
Required:\n
- `gib` (Number, Deprecated) Size. **Deprecated:** use bytes\n
<a id=\"nestedatt--status\"></a>\n### Nested Schema for `status`\n
- `phase` (String) Phase.\n
## Import\n
In Terraform and OpenTofu 1.12 and later, an `import` block may name the object by its identity:\n\n```terraform\nimport { i }\n```\n
### Identity Schema\n\n#### Required\n\n- `name` (String) Its name.\n
In Terraform 1.5 and OpenTofu 1.6 and later, an `import` block may give its id:\n\n```terraform\nimport { d }\n```\n
The `import` command takes its id:\n\n```shell\nterraform import x y\n```\n";
        assert_eq!(render(&page, &Thing::block()), expected);
    }
}
