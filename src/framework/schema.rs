//! Schemas: what a configuration may hold, declared by models and shown to Terraform.

use std::collections::BTreeMap;

use super::value::{Type, Value};

/// The schema of a resource, data source, provider or ephemeral resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// Version of the stored state's shape; only resources use it.
    pub version: i64,
    pub block: Block,
}

/// A group of attributes and nested blocks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// Markdown.
    pub description: String,
    pub attributes: Vec<Attribute>,
    pub blocks: Vec<NestedBlock>,
    /// Why it should no longer be used.
    pub deprecated: Option<String>,
}

/// Who gives the value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The user, always.
    Required,
    /// The user, or nobody.
    Optional,
    /// The provider.
    Computed,
    /// The user, else the provider.
    OptionalComputed,
}

impl Mode {
    pub const fn is_computed(self) -> bool {
        matches!(self, Self::Computed | Self::OptionalComputed)
    }

    pub const fn is_settable(self) -> bool {
        !matches!(self, Self::Computed)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    pub name: String,
    pub ty: Type,
    /// Markdown.
    pub description: String,
    pub mode: Mode,
    pub sensitive: bool,
    /// Never stored: null in plan and state.
    pub write_only: bool,
    /// A changed value needs a new object.
    pub replace: bool,
    /// The provider's value keeps from apply to apply: it is not marked unknown when something else changes.
    pub stable: bool,
    /// Value planned when the configuration gives none; the mode is then `OptionalComputed`.
    pub default: Option<Value>,
    pub deprecated: Option<String>,
    /// What the fields of an object mean, or of the objects in a collection: for the documentation, the wire has no place for it.
    pub fields: Option<Block>,
}

/// How often a nested block may be written, and what its value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// At most once: an object or null.
    Single,
    /// A list of objects; a maximum of 0 means any number.
    List { min: i64, max: i64 },
    /// A set of objects.
    Set { min: i64, max: i64 },
    /// Objects by label.
    Map,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NestedBlock {
    pub name: String,
    pub nesting: Nesting,
    /// A SINGLE block that must be written.
    pub required: bool,
    /// A changed, added or removed block needs a new object.
    pub replace: bool,
    pub block: Block,
}

impl Block {
    /// The type of this block's value: an object with every attribute and nested block.
    pub fn object_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|attribute| (attribute.name.clone(), attribute.ty.clone()));
        let blocks = self.blocks.iter().map(|nested| (nested.name.clone(), nested.value_type()));
        Type::Object(attributes.chain(blocks).collect::<BTreeMap<_, _>>())
    }

    /// The value of this block when nothing in it is set.
    pub fn null_object(&self) -> Value {
        let attributes = self.attributes.iter().map(|attribute| (attribute.name.clone(), Value::Null));
        let blocks = self.blocks.iter().map(|nested| (nested.name.clone(), nested.nesting.absent()));
        Value::Map(attributes.chain(blocks).collect())
    }

    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    pub fn nested(&self, name: &str) -> Option<&NestedBlock> {
        self.blocks.iter().find(|nested| nested.name == name)
    }
}

impl NestedBlock {
    /// The type of the nested block's value in its parent.
    pub fn value_type(&self) -> Type {
        let object = self.block.object_type();
        match self.nesting {
            Nesting::Single => object,
            Nesting::List { .. } => Type::list(object),
            Nesting::Set { .. } => Type::set(object),
            Nesting::Map => Type::map(object),
        }
    }
}

impl Nesting {
    /// The value of a block that is not written: null for SINGLE, an empty collection for the others (never null).
    pub fn absent(self) -> Value {
        match self {
            Self::Single => Value::Null,
            Self::List { .. } | Self::Set { .. } => Value::List(Vec::new()),
            Self::Map => Value::Map(BTreeMap::new()),
        }
    }
}

/// One attribute that names an object across configurations, for import and listing.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityAttribute {
    pub name: String,
    pub ty: Type,
    pub description: String,
    /// Must be given on import; otherwise it may be given.
    pub required_for_import: bool,
}
