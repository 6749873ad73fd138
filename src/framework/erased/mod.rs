//! The same parts without their types, as `plugin` sees them: everything is a [`Value`]. Not for implementors: the typed traits in
//! [`super::parts`] join by `Erased*` wrappers.

mod data_source;
mod ephemeral;
mod function;
mod outcome;
mod provider;
mod resource;
#[cfg(test)]
mod tests;
mod validation;

pub use self::{
    data_source::ErasedDataSource, ephemeral::ErasedEphemeralResource, function::ErasedFunction, provider::ErasedProvider,
    resource::ErasedResource,
};

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::SystemTime};

use super::{
    diagnostic::Diagnostics,
    parts::{Call, DataSource, EphemeralResource, Function, FunctionError, Resource},
    path::Path,
    schema::{Block, IdentityAttribute, Schema},
    value::{Type, Value},
};

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a provider offers, by type name.
#[derive(Clone, Default)]
pub struct Offers {
    pub resources: BTreeMap<&'static str, Arc<dyn AnyResource>>,
    pub data_sources: BTreeMap<&'static str, Arc<dyn AnyDataSource>>,
    pub ephemeral_resources: BTreeMap<&'static str, Arc<dyn AnyEphemeralResource>>,
    pub functions: BTreeMap<&'static str, Arc<dyn AnyFunction>>,
}

impl Offers {
    pub fn resource<R: Resource>(mut self, resource: R) -> Self {
        self.resources.insert(R::NAME, Arc::new(ErasedResource::new(resource)));
        self
    }

    pub fn data_source<D: DataSource>(mut self, data_source: D) -> Self {
        self.data_sources.insert(D::NAME, Arc::new(ErasedDataSource::new(data_source)));
        self
    }

    pub fn ephemeral_resource<E: EphemeralResource>(mut self, ephemeral: E) -> Self {
        self.ephemeral_resources.insert(E::NAME, Arc::new(ErasedEphemeralResource::new(ephemeral)));
        self
    }

    pub fn function<F: Function>(mut self, function: F) -> Self {
        self.functions.insert(F::NAME, Arc::new(ErasedFunction::new(function)));
        self
    }
}

/// A provider without its types.
pub trait AnyProvider: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn schema(&self) -> &Schema;
    fn offers(&self) -> &Offers;
    fn validate(&self, config: &Value) -> Diagnostics;
    fn configure(&self, config: &Value, terraform_version: &str) -> Diagnostics;
}

/// Input of a plan. `prior` is null on create; `config` and `proposed` are null on destroy.
#[derive(Debug)]
pub struct PlanInput {
    pub prior: Value,
    pub proposed: Value,
    pub config: Value,
}

/// Input of an apply. `prior` is null on create; `config` and `planned` are null on delete.
#[derive(Debug)]
pub struct ApplyInput {
    pub prior: Value,
    pub planned: Value,
    /// As written and wholly known: the only place where write-only values are.
    pub config: Value,
}

/// A plan. Private data are in the call.
#[derive(Debug)]
pub struct PlanOutput {
    pub planned: Value,
    pub requires_replace: Vec<Path>,
    /// None where it is not known yet.
    pub identity: Option<Value>,
}

/// A managed resource without its types. Findings go to `call.found`, private data live in `call.private`.
pub trait AnyResource: Send + Sync + 'static {
    fn schema(&self) -> &Schema;
    fn identity_schema(&self) -> &[IdentityAttribute];
    fn validate(&self, config: &Value) -> Diagnostics;
    fn plan(&self, input: PlanInput, call: &mut Call) -> PlanOutput;
    /// Creates (prior null), updates or deletes (planned null). Answers what is there afterwards, and its identity.
    fn apply<'a>(&'a self, input: ApplyInput, call: &'a mut Call) -> BoxFuture<'a, (Value, Option<Value>)>;
    /// Null when the object is gone.
    fn read<'a>(&'a self, state: Value, call: &'a mut Call) -> BoxFuture<'a, (Value, Option<Value>)>;
    /// Null with errors in `call.found`.
    fn import<'a>(&'a self, target: AnyImportTarget, call: &'a mut Call) -> BoxFuture<'a, (Value, Option<Value>)>;
    /// Type of the state that a version stored; None for a version never released.
    fn stored_type(&self, version: i64) -> Option<Type>;
    fn upgrade(&self, version: i64, stored: Value) -> Result<Value, Diagnostics>;
}

/// What an import was asked for, without its types.
#[derive(Debug)]
pub enum AnyImportTarget {
    Id(String),
    Identity(Value),
}

pub trait AnyDataSource: Send + Sync + 'static {
    fn schema(&self) -> &Schema;
    fn validate(&self, config: &Value) -> Diagnostics;
    /// Null with errors in `call.found`.
    fn read<'a>(&'a self, config: Value, call: &'a mut Call) -> BoxFuture<'a, Value>;
}

pub trait AnyEphemeralResource: Send + Sync + 'static {
    fn schema(&self) -> &Schema;
    fn validate(&self, config: &Value) -> Diagnostics;
    /// The result and when to renew; null with errors in `call.found`.
    fn open<'a>(&'a self, config: Value, call: &'a mut Call) -> BoxFuture<'a, (Value, Option<SystemTime>)>;
    fn renew<'a>(&'a self, call: &'a mut Call) -> BoxFuture<'a, Option<SystemTime>>;
    fn close<'a>(&'a self, call: &'a mut Call) -> BoxFuture<'a, ()>;
}

/// How a function is called.
#[derive(Clone, Debug)]
pub struct Signature {
    pub parameters: Vec<Parameter>,
    pub returns: Type,
    /// What the fields of the result mean: for the documentation, the wire has no place for it.
    pub fields: Option<Block>,
    pub summary: &'static str,
    /// Markdown.
    pub description: &'static str,
}

#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub ty: Type,
    pub nullable: bool,
    pub description: &'static str,
}

pub trait AnyFunction: Send + Sync + 'static {
    fn signature(&self) -> &Signature;
    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError>;
}
