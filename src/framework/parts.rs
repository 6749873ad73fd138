//! The traits a provider's parts implement, with typed ends. The erased twins in [`super::erased`] join them to the wire.

use std::{collections::BTreeMap, future::Future, time::SystemTime};

use tokio_util::sync::CancellationToken;

use super::{
    diagnostic::Diagnostics,
    model::{AttributeValue, Model},
    path::Path,
    value::{Type, Value},
};

/// What every call that may do I/O gets besides its values.
#[derive(Debug, Default)]
pub struct Call {
    /// Cancelled when the user asks to stop (Ctrl-C): end waiting, answer with the state reached.
    pub stop: CancellationToken,
    /// Data kept beside the state of a resource instance, unseen by the user and not encrypted. Never put a secret here.
    pub private: Private,
    /// Warnings, and errors of calls that answer a value all the same.
    pub found: Diagnostics,
}

/// Named texts a resource keeps beside its state.
pub type Private = BTreeMap<String, String>;

/// A failed apply: what is wrong, and how far it came.
#[derive(Clone, Debug)]
pub struct Failed<M> {
    /// What is there now. None: nothing to remember (on create), or as before (on update and delete).
    pub reached: Option<M>,
    pub diagnostics: Diagnostics,
}

impl<M> From<Diagnostics> for Failed<M> {
    fn from(diagnostics: Diagnostics) -> Self {
        Self { reached: None, diagnostics }
    }
}

/// What the user wants to change, as plan sees it.
#[derive(Debug)]
pub struct Change<'a, M> {
    /// As written, with unknowns.
    pub config: &'a M,
    /// As stored. None: the object is to be created.
    pub prior: Option<&'a M>,
}

/// What plan adds to the planned values.
#[derive(Debug, Default)]
pub struct Verdict {
    pub found: Diagnostics,
    /// Places whose change needs a new object, with the reason.
    pub replace: Vec<(Path, String)>,
}

/// What `import` was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum ImportTarget<I> {
    /// `terraform import ADDRESS ID`, or the `id` of an import block.
    Id(String),
    /// The `identity` of an import block.
    Identity(I),
}

/// A managed resource.
pub trait Resource: Send + Sync + 'static {
    /// Type name with the provider's prefix, such as `kaas_tenant`.
    const NAME: &'static str;
    /// Version of the stored state's shape.
    const VERSION: i64 = 0;
    type Model: Model;
    /// What names the object for ever. Attributes are all required or optional.
    type Identity: Model;

    /// Checks that need no other system. Unknown values may be fine.
    fn validate(&self, _config: &Self::Model, _found: &mut Diagnostics) {}

    /// Completes the plan of a create or an update. Defaults, unknown marking and `replace` have been done on `planned`; deterministic, no I/O.
    /// Where the configuration changes nothing, nothing is marked unknown: to cause an update all the same (unfinished work to go on with), set what it
    /// will change to `Attr::Unknown` or to its new value. Configured attributes may only keep their value or take the prior one.
    fn plan(&self, _change: &Change<'_, Self::Model>, _planned: &mut Self::Model, _verdict: &mut Verdict) {}

    /// Refuses or comments a destroy.
    fn plan_destroy(&self, _prior: &Self::Model, _found: &mut Diagnostics) {}

    /// Makes what was planned. `planned` also holds the write-only values of the configuration; whatever is answered, they are not stored.
    fn create(&self, planned: Self::Model, call: &mut Call) -> impl Future<Output = Result<Self::Model, Failed<Self::Model>>> + Send;

    /// Changes the object into what was planned, with the write-only values as in `create`.
    fn update(
        &self,
        prior: Self::Model,
        planned: Self::Model,
        call: &mut Call,
    ) -> impl Future<Output = Result<Self::Model, Failed<Self::Model>>> + Send;

    /// The object as it is now; None when it is gone. After an import `state` holds only what `import` filled in.
    fn read(&self, state: Self::Model, call: &mut Call) -> impl Future<Output = Result<Option<Self::Model>, Diagnostics>> + Send;

    /// Success when the object is gone already.
    fn delete(&self, prior: Self::Model, call: &mut Call) -> impl Future<Output = Result<(), Failed<Self::Model>>> + Send;

    /// A model that `read` can complete.
    fn import(
        &self,
        target: ImportTarget<Self::Identity>,
        call: &mut Call,
    ) -> impl Future<Output = Result<Self::Model, Diagnostics>> + Send;

    /// None while what it is made of is unknown.
    fn identity(&self, state: &Self::Model) -> Option<Self::Identity>;

    /// How to read states of older versions.
    fn upgrades(&self) -> Vec<StateUpgrade> {
        Vec::new()
    }
}

/// Reads the state that an older version stored.
pub struct StateUpgrade {
    /// The version it reads.
    pub version: i64,
    /// Type of that version's state.
    pub ty: Type,
    /// Gives the state in the shape of the current version.
    pub upgrade: fn(Value) -> Result<Value, Diagnostics>,
}

/// A data source.
pub trait DataSource: Send + Sync + 'static {
    const NAME: &'static str;
    type Model: Model;

    fn validate(&self, _config: &Self::Model, _found: &mut Diagnostics) {}

    /// The configuration, wholly known, with the computed attributes filled in.
    fn read(&self, config: Self::Model, call: &mut Call) -> impl Future<Output = Result<Self::Model, Diagnostics>> + Send;
}

/// A value that lives during one plan or apply and is never stored.
pub trait EphemeralResource: Send + Sync + 'static {
    const NAME: &'static str;
    type Model: Model;

    fn validate(&self, _config: &Self::Model, _found: &mut Diagnostics) {}

    fn open(&self, config: Self::Model, call: &mut Call) -> impl Future<Output = Result<Opened<Self::Model>, Diagnostics>> + Send;

    /// Called at the time `open` or the last `renew` asked for, with `call.private` as they left it. Answers the next time.
    fn renew(&self, _call: &mut Call) -> impl Future<Output = Result<Option<SystemTime>, Diagnostics>> + Send {
        async { Ok(None) }
    }

    fn close(&self, _call: &mut Call) -> impl Future<Output = Result<(), Diagnostics>> + Send {
        async { Ok(()) }
    }
}

/// An opened ephemeral resource.
#[derive(Clone, Debug)]
pub struct Opened<M> {
    pub result: M,
    pub renew_at: Option<SystemTime>,
}

/// A pure function, called as `provider::<name>::<function>(…)`; works on an unconfigured provider.
pub trait Function: Send + Sync + 'static {
    const NAME: &'static str;
    const SUMMARY: &'static str;
    /// Markdown.
    const DESCRIPTION: &'static str;
    /// Name and description of each parameter, in order; as many as `Arguments` holds.
    const PARAMETERS: &'static [(&'static str, &'static str)];
    /// A tuple of attribute values; an `Attr<T>` accepts null.
    type Arguments: Arguments;
    type Returns: AttributeValue;

    fn call(&self, arguments: Self::Arguments) -> Result<Self::Returns, FunctionError>;
}

/// Why a function has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    pub text: String,
    /// Position of the argument it is about, from 0.
    pub argument: Option<usize>,
}

/// Arguments of a function: a tuple.
pub trait Arguments: Sized {
    /// Type of each, and whether it may be null.
    fn types() -> Vec<(Type, bool)>;

    fn decode(values: &[Value]) -> Result<Self, FunctionError>;
}

macro_rules! tuple_arguments {
    ($($name:ident $index:tt),*) => {
        impl<$($name: AttributeValue),*> Arguments for ($($name,)*) {
            fn types() -> Vec<(Type, bool)> {
                vec![$(($name::ty(), $name::admits_null())),*]
            }

            fn decode(values: &[Value]) -> Result<Self, FunctionError> {
                Ok(($(decode_argument::<$name>(values, $index)?,)*))
            }
        }
    };
}

tuple_arguments!(A 0);
tuple_arguments!(A 0, B 1);
tuple_arguments!(A 0, B 1, C 2);
tuple_arguments!(A 0, B 1, C 2, D 3);

fn decode_argument<T: AttributeValue>(values: &[Value], index: usize) -> Result<T, FunctionError> {
    let value = values.get(index).unwrap_or(&Value::Null);
    let refused = |text: String| FunctionError { text, argument: Some(index) };
    if value.is_null() && !T::admits_null() {
        return Err(refused("The value must not be null.".to_owned()));
    }
    let mut found = Diagnostics::none();
    T::decode(value, &Path::root(), &mut found)
        .ok_or_else(|| refused(found.into_iter().map(|wrong| wrong.detail).collect::<Vec<_>>().join(" ")))
}

/// A provider: its configuration and what it offers.
pub trait Provider: Send + Sync + 'static {
    /// Name without the `terraform-provider-` prefix, such as `kaas`.
    const NAME: &'static str;
    type Config: Model;

    fn validate(&self, _config: &Self::Config, _found: &mut Diagnostics) {}

    /// Takes the configuration, which may hold unknowns at plan. Opens no connection: parts connect on their first call that needs it.
    fn configure(&self, config: Self::Config, terraform_version: &str, found: &mut Diagnostics);

    /// Everything the provider offers.
    fn offers(&self) -> super::erased::Offers;
}
