//! A resource without its types.

use super::{
    AnyImportTarget, AnyResource, ApplyInput, BoxFuture, PlanInput, PlanOutput,
    outcome::{bug, hold_to_plan, storable, storable_after_failure},
    validation::validate,
};
use crate::framework::{
    diagnostic::Diagnostics,
    model::{AttributeValue, Model, decode_model},
    parts::{Call, Change, Failed, ImportTarget, Resource, Verdict},
    path::Path,
    plan::{contradictions, forget_write_only, keep_untouched, prepare, recall_write_only, replacements},
    schema::{IdentityAttribute, Mode, Schema},
    value::{Type, Value},
};

/// Joins a [`Resource`] to the wire.
pub struct ErasedResource<R> {
    resource: R,
    schema: Schema,
    ty: Type,
    identity: Vec<IdentityAttribute>,
}

impl<R: Resource> ErasedResource<R> {
    pub fn new(resource: R) -> Self {
        let schema = Schema { version: R::VERSION, block: R::Model::block() };
        let identity = R::Identity::block().attributes.into_iter().map(|attribute| IdentityAttribute {
            required_for_import: attribute.mode == Mode::Required,
            name: attribute.name,
            ty: attribute.ty,
            description: attribute.description,
        });
        Self { resource, ty: schema.block.object_type(), identity: identity.collect(), schema }
    }

    /// The identity, once all of it is known.
    fn identity(&self, model: &R::Model) -> Option<Value> {
        self.resource.identity(model).map(|identity| identity.encode()).filter(Value::is_wholly_known)
    }

    fn identity_of(&self, value: &Value) -> Option<Value> {
        self.identity(&decode_model(value, &mut Diagnostics::none())?)
    }

    fn plan_destroy(&self, prior: &Value, call: &mut Call) -> PlanOutput {
        let mut identity = None;
        if let Some(prior) = decode_model(prior, &mut call.found) {
            self.resource.plan_destroy(&prior, &mut call.found);
            identity = self.identity(&prior);
        }
        PlanOutput { planned: Value::Null, requires_replace: Vec::new(), identity }
    }

    /// Lets the resource complete the prepared plan. None when a value does not decode; the findings then say which.
    fn plan_typed(&self, input: &PlanInput, prepared: &Value, call: &mut Call) -> Option<(Value, Verdict, Option<Value>)> {
        let config = decode_model::<R::Model>(&input.config, &mut call.found)?;
        let mut planned = decode_model::<R::Model>(prepared, &mut call.found)?;
        let prior = decode_model::<R::Model>(&input.prior, &mut call.found);
        if prior.is_none() && !input.prior.is_null() {
            return None;
        }
        let mut verdict = Verdict::default();
        let before = planned.encode();
        self.resource.plan(&Change { config: &config, prior: prior.as_ref() }, &mut planned, &mut verdict);
        let identity = self.identity(&planned);
        let mut value = keep_untouched(prepared, &before, planned.encode());
        forget_write_only(&self.schema.block, &mut value);
        R::Model::settle(&input.prior, &mut value);
        Some((value, verdict, identity))
    }

    /// The schema's replacements and those of the verdict, whose reasons become warnings.
    fn requires_replace(&self, prior: &Value, planned: &Value, verdict: Verdict, found: &mut Diagnostics) -> Vec<Path> {
        found.extend(verdict.found);
        if prior.is_null() || planned.equivalent(prior, &self.ty) {
            return Vec::new();
        }
        let mut places = replacements(&self.schema.block, prior, planned);
        for (place, reason) in verdict.replace {
            let detail = format!("Changing {place} destroys the object and makes a new one.");
            found.warning_at(place.clone(), format!("Replacement: {}", reason.trim_end_matches('.')), detail);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// The plan as the resource applies it: with the write-only values, which [`storable`] takes away again.
    fn to_apply(&self, planned: &Value, config: &Value, call: &mut Call) -> Option<R::Model> {
        let mut complete = planned.clone();
        recall_write_only(&self.schema.block, config, &mut complete);
        decode_model(&complete, &mut call.found)
    }

    async fn create(&self, planned: Value, config: &Value, call: &mut Call) -> (Value, Option<Value>) {
        let Some(model) = self.to_apply(&planned, config, call) else { return (Value::Null, None) };
        let result = self.resource.create(model, call).await;
        self.applied(result, &planned, Value::Null, call)
    }

    async fn update(&self, prior: Value, planned: Value, config: &Value, call: &mut Call) -> (Value, Option<Value>) {
        let decoded = (decode_model::<R::Model>(&prior, &mut call.found), self.to_apply(&planned, config, call));
        let (Some(before), Some(after)) = decoded else {
            return (prior, None);
        };
        let result = self.resource.update(before, after, call).await;
        self.applied(result, &planned, prior, call)
    }

    async fn delete(&self, prior: Value, call: &mut Call) -> (Value, Option<Value>) {
        let Some(model) = decode_model::<R::Model>(&prior, &mut call.found) else { return (prior, None) };
        let identity = self.identity(&model);
        match self.resource.delete(model, call).await {
            Ok(()) => (Value::Null, None),
            Err(failed) => {
                let (value, reached) = self.failed(failed, prior, call);
                (value, reached.or(identity))
            }
        }
    }

    /// The state after a create or an update.
    fn applied(
        &self,
        result: Result<R::Model, Failed<R::Model>>,
        planned: &Value,
        prior: Value,
        call: &mut Call,
    ) -> (Value, Option<Value>) {
        match result {
            Ok(model) => {
                let identity = self.identity(&model);
                let mut value = model.encode();
                R::Model::settle(planned, &mut value);
                let mut faults = Diagnostics::none();
                let value = storable(&self.schema.block, value, &mut faults);
                if !faults.has_errors() {
                    hold_to_plan(planned, &value, &self.ty, &Path::root(), &mut faults);
                }
                call.found.extend(faults);
                (value, identity)
            }
            Err(failed) => self.failed(failed, prior, call),
        }
    }

    /// How far a failed call came, or what was there before.
    fn failed(&self, failed: Failed<R::Model>, prior: Value, call: &mut Call) -> (Value, Option<Value>) {
        if !failed.diagnostics.has_errors() {
            bug(Path::root(), "could not be applied, and no error says why", &mut call.found);
        }
        call.found.extend(failed.diagnostics);
        match failed.reached {
            Some(reached) => {
                let mut value = storable_after_failure(&self.schema.block, reached.encode());
                R::Model::settle(&prior, &mut value);
                (value, self.identity(&reached))
            }
            None => {
                let identity = self.identity_of(&prior);
                (prior, identity)
            }
        }
    }

    async fn read_state(&self, state: Value, call: &mut Call) -> (Value, Option<Value>) {
        let Some(model) = decode_model::<R::Model>(&state, &mut call.found) else { return (state, None) };
        let identity = self.identity(&model);
        match self.resource.read(model, call).await {
            Ok(None) => (Value::Null, None),
            Ok(Some(model)) => {
                let mut value = model.encode();
                R::Model::settle(&state, &mut value);
                (storable(&self.schema.block, value, &mut call.found), self.identity(&model))
            }
            Err(found) => {
                call.found.extend(found);
                (state, identity)
            }
        }
    }

    async fn import_object(&self, target: AnyImportTarget, call: &mut Call) -> (Value, Option<Value>) {
        let (target, given) = match target {
            AnyImportTarget::Id(id) => (ImportTarget::Id(id), None),
            AnyImportTarget::Identity(value) => match decode_model(&value, &mut call.found) {
                Some(identity) => (ImportTarget::Identity(identity), Some(value)),
                None => {
                    if !call.found.has_errors() {
                        call.found.error("Nothing to import", "Give an id or an identity.");
                    }
                    return (Value::Null, None);
                }
            },
        };
        match self.resource.import(target, call).await {
            Ok(model) => {
                let value = storable_after_failure(&self.schema.block, model.encode());
                (value, self.identity(&model).or(given))
            }
            Err(found) => {
                call.found.extend(found);
                (Value::Null, None)
            }
        }
    }
}

impl<R: Resource> AnyResource for ErasedResource<R> {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn identity_schema(&self) -> &[IdentityAttribute] {
        &self.identity
    }

    fn validate(&self, config: &Value) -> Diagnostics {
        validate(&self.schema.block, config, |model, found| self.resource.validate(model, found))
    }

    fn plan(&self, input: PlanInput, call: &mut Call) -> PlanOutput {
        if input.proposed.is_null() {
            return self.plan_destroy(&input.prior, call);
        }
        let block = &self.schema.block;
        let prepared = prepare(block, &input.prior, &input.config, input.proposed.clone(), R::Model::settle);
        let Some((planned, verdict, identity)) = self.plan_typed(&input, &prepared, call) else {
            return PlanOutput { planned: prepared, requires_replace: Vec::new(), identity: None };
        };
        for (place, rule) in contradictions(block, &input.prior, &input.config, &planned) {
            bug(place, rule, &mut call.found);
        }
        let requires_replace = self.requires_replace(&input.prior, &planned, verdict, &mut call.found);
        PlanOutput { planned, requires_replace, identity }
    }

    fn apply<'a>(&'a self, input: ApplyInput, call: &'a mut Call) -> BoxFuture<'a, (Value, Option<Value>)> {
        let ApplyInput { prior, planned, config } = input;
        Box::pin(async move {
            match (prior.is_null(), planned.is_null()) {
                (true, true) => (Value::Null, None),
                (true, false) => self.create(planned, &config, call).await,
                (false, true) => self.delete(prior, call).await,
                (false, false) => self.update(prior, planned, &config, call).await,
            }
        })
    }

    fn read<'a>(&'a self, state: Value, call: &'a mut Call) -> BoxFuture<'a, (Value, Option<Value>)> {
        Box::pin(self.read_state(state, call))
    }

    fn import<'a>(&'a self, target: AnyImportTarget, call: &'a mut Call) -> BoxFuture<'a, (Value, Option<Value>)> {
        Box::pin(self.import_object(target, call))
    }

    fn stored_type(&self, version: i64) -> Option<Type> {
        if version == self.schema.version {
            return Some(self.ty.clone());
        }
        self.resource.upgrades().into_iter().find(|upgrade| upgrade.version == version).map(|upgrade| upgrade.ty)
    }

    fn upgrade(&self, version: i64, stored: Value) -> Result<Value, Diagnostics> {
        let value = if version == self.schema.version {
            stored
        } else {
            let upgrades = self.resource.upgrades();
            let Some(upgrade) = upgrades.iter().find(|upgrade| upgrade.version == version) else {
                let detail =
                    format!("The state of {} was stored by version {version} of its schema, which this provider cannot read.", R::NAME);
                return Err(Diagnostics::of_error("State of an unknown version", detail));
            };
            (upgrade.upgrade)(stored)?
        };
        let mut found = Diagnostics::none();
        let value = match decode_model::<R::Model>(&value, &mut found) {
            // Missing attributes become null, foreign ones go.
            Some(model) => storable(&self.schema.block, model.encode(), &mut found),
            None => value,
        };
        if found.has_errors() { Err(found) } else { Ok(value) }
    }
}
