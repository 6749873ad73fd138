//! A provider of erased parts with one of everything, to see what the plugin layer does with them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use kaas::framework::{
    diagnostic::Diagnostics,
    erased::{
        AnyDataSource, AnyEphemeralResource, AnyFunction, AnyImportTarget, AnyProvider, AnyResource, ApplyInput, BoxFuture, Offers,
        Parameter, PlanInput, PlanOutput, Signature,
    },
    parts::{Call, FunctionError},
    path::Path,
    schema::{Attribute, Block, IdentityAttribute, Mode, NestedBlock, Nesting, Schema},
    value::{Type, Value},
};

pub struct TestProvider {
    schema: Schema,
    offers: Offers,
    pub closed: Arc<Mutex<Vec<String>>>,
}

impl TestProvider {
    pub fn new() -> Self {
        let closed = Arc::new(Mutex::new(Vec::new()));
        let resource: Arc<dyn AnyResource> = Arc::new(Thing { schema: thing_schema(), identity: identity_schema() });
        let data: Arc<dyn AnyDataSource> = Arc::new(Look(look_schema()));
        let ephemeral: Arc<dyn AnyEphemeralResource> = Arc::new(Lease { schema: look_schema(), closed: Arc::clone(&closed) });
        let function: Arc<dyn AnyFunction> = Arc::new(Double(Signature {
            parameters: vec![Parameter { name: "number", ty: Type::Number, nullable: false, description: "What to double." }],
            returns: Type::Number,
            fields: None,
            summary: "Doubles",
            description: "Twice the number.",
        }));
        let offers = Offers {
            resources: BTreeMap::from([("test_thing", resource)]),
            data_sources: BTreeMap::from([("test_look", data)]),
            ephemeral_resources: BTreeMap::from([("test_lease", ephemeral)]),
            functions: BTreeMap::from([("double", function)]),
        };
        Self { schema: look_schema(), offers, closed }
    }
}

impl AnyProvider for TestProvider {
    fn name(&self) -> &'static str {
        "test"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn offers(&self) -> &Offers {
        &self.offers
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        let mut found = Diagnostics::none();
        if config.attribute("name") == &Value::from("wrong") {
            found.error_at("name", "Wrong name", "Choose another one.");
        }
        found
    }

    fn configure(&self, _: &Value, terraform_version: &str) -> Diagnostics {
        let mut found = Diagnostics::none();
        found.warning("Configured", format!("By {terraform_version}."));
        found
    }
}

fn attribute(name: &str, mode: Mode) -> Attribute {
    Attribute {
        name: name.to_owned(),
        ty: Type::String,
        description: format!("The {name}."),
        mode,
        sensitive: false,
        write_only: false,
        fields: Default::default(),
        replace: false,
        stable: false,
        default: None,
        deprecated: None,
    }
}

fn thing_schema() -> Schema {
    let secret = Attribute { write_only: true, ..attribute("secret", Mode::Optional) };
    let labels = NestedBlock {
        name: "label".to_owned(),
        nesting: Nesting::List { min: 0, max: 0 },
        required: false,
        replace: false,
        block: Block { attributes: vec![attribute("key", Mode::Required)], ..Block::default() },
    };
    let attributes = vec![attribute("name", Mode::Required), attribute("id", Mode::Computed), secret];
    Schema { version: 1, block: Block { description: "A thing.".to_owned(), attributes, blocks: vec![labels], deprecated: None } }
}

fn identity_schema() -> Vec<IdentityAttribute> {
    vec![IdentityAttribute { name: "id".to_owned(), ty: Type::String, description: "The id.".to_owned(), required_for_import: true }]
}

fn look_schema() -> Schema {
    let attributes = vec![attribute("name", Mode::Optional), attribute("found", Mode::Computed)];
    Schema { version: 0, block: Block { attributes, ..Block::default() } }
}

/// The value with one attribute set.
pub fn with(value: &Value, name: &str, attribute: impl Into<Value>) -> Value {
    let Value::Map(mut attributes) = value.clone() else { panic!("{value:?} is no object") };
    attributes.insert(name.to_owned(), attribute.into());
    Value::Map(attributes)
}

pub fn thing() -> Value {
    with(&thing_schema().block.null_object(), "name", "one")
}

pub fn thing_type() -> Type {
    thing_schema().block.object_type()
}

pub fn look() -> Value {
    look_schema().block.null_object()
}

pub fn look_type() -> Type {
    look_schema().block.object_type()
}

pub fn identity_type() -> Type {
    Type::Object(BTreeMap::from([("id".to_owned(), Type::String)]))
}

pub fn identity(id: &str) -> Value {
    Value::Map(BTreeMap::from([("id".to_owned(), id.into())]))
}

struct Thing {
    schema: Schema,
    identity: Vec<IdentityAttribute>,
}

impl AnyResource for Thing {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn identity_schema(&self) -> &[IdentityAttribute] {
        &self.identity
    }

    fn validate(&self, _: &Value) -> Diagnostics {
        Diagnostics::none()
    }

    fn plan(&self, input: PlanInput, call: &mut Call) -> PlanOutput {
        call.private.insert("planned".to_owned(), "yes".to_owned());
        if input.proposed.is_null() {
            return PlanOutput { planned: Value::Null, requires_replace: Vec::new(), identity: None };
        }
        assert_ne!(input.config.attribute("name"), &Value::from("panic in plan"), "a plan that breaks");
        let planned = with(&input.proposed, "secret", Value::Null);
        let planned = if input.prior.is_null() { with(&planned, "id", Value::UNKNOWN) } else { planned };
        PlanOutput { planned, requires_replace: vec![Path::from("name")], identity: None }
    }

    fn apply<'a>(&'a self, ApplyInput { planned, .. }: ApplyInput, call: &'a mut Call) -> BoxFuture<'a, (Value, Option<Value>)> {
        Box::pin(async move {
            if planned.is_null() {
                return (Value::Null, None);
            }
            let name = planned.attribute("name").clone();
            assert_ne!(name, Value::from("panic in apply"), "an apply that breaks");
            if name == Value::from("slow") {
                tokio::select! {
                    () = call.stop.cancelled() => call.found.error("Stopped", "Half done."),
                    () = tokio::time::sleep(Duration::from_secs(60)) => {}
                }
            }
            if name == Value::from("stubborn") {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            call.private.insert("applied".to_owned(), "yes".to_owned());
            (with(&planned, "id", "id-1"), Some(identity("id-1")))
        })
    }

    fn read<'a>(&'a self, state: Value, _: &'a mut Call) -> BoxFuture<'a, (Value, Option<Value>)> {
        let gone = state.attribute("name") == &Value::from("gone");
        Box::pin(async move { if gone { (Value::Null, None) } else { (state, None) } })
    }

    fn import<'a>(&'a self, target: AnyImportTarget, call: &'a mut Call) -> BoxFuture<'a, (Value, Option<Value>)> {
        Box::pin(async move {
            let id = match target {
                AnyImportTarget::Id(id) => Value::from(id),
                AnyImportTarget::Identity(named) => named.attribute("id").clone(),
            };
            if id == Value::from("none") {
                call.found.error("No such thing", "Look elsewhere.");
                return (Value::Null, None);
            }
            (with(&thing(), "id", id.clone()), Some(Value::Map(BTreeMap::from([("id".to_owned(), id)]))))
        })
    }

    fn stored_type(&self, version: i64) -> Option<Type> {
        (version == 0).then(|| Type::Object(BTreeMap::from([("title".to_owned(), Type::String)])))
    }

    fn upgrade(&self, _: i64, stored: Value) -> Result<Value, Diagnostics> {
        Ok(with(&thing(), "name", stored.attribute("title").clone()))
    }
}

struct Look(Schema);

impl AnyDataSource for Look {
    fn schema(&self) -> &Schema {
        &self.0
    }

    fn validate(&self, _: &Value) -> Diagnostics {
        Diagnostics::none()
    }

    fn read<'a>(&'a self, config: Value, _: &'a mut Call) -> BoxFuture<'a, Value> {
        // "big" answers more than the 4 MiB that gRPC allows by default.
        let size = if config.attribute("name") == &Value::from("big") { 8 << 20 } else { 1 };
        Box::pin(async move { with(&config, "found", "x".repeat(size)) })
    }
}

struct Lease {
    schema: Schema,
    closed: Arc<Mutex<Vec<String>>>,
}

impl AnyEphemeralResource for Lease {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, _: &Value) -> Diagnostics {
        Diagnostics::none()
    }

    fn open<'a>(&'a self, config: Value, call: &'a mut Call) -> BoxFuture<'a, (Value, Option<SystemTime>)> {
        Box::pin(async move {
            call.private.insert("lease".to_owned(), "7".to_owned());
            (with(&config, "found", "opened"), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(60)))
        })
    }

    fn renew<'a>(&'a self, call: &'a mut Call) -> BoxFuture<'a, Option<SystemTime>> {
        Box::pin(async move {
            call.private.insert("renewed".to_owned(), "yes".to_owned());
            None
        })
    }

    fn close<'a>(&'a self, call: &'a mut Call) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.closed.lock().unwrap().push(call.private["lease"].clone()) })
    }
}

struct Double(Signature);

impl AnyFunction for Double {
    fn signature(&self) -> &Signature {
        &self.0
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let number = match arguments {
            [Value::Number(number)] => number.to_i64(),
            _ => None,
        };
        let number = number.ok_or_else(|| FunctionError { text: "Not a whole number.".to_owned(), argument: Some(0) })?;
        Ok(Value::from(2 * number))
    }
}
