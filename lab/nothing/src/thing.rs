//! `nothing_thing`: a managed resource that exists in the state only.

use std::collections::BTreeMap;

use kaas::framework::{
    attr::Attr,
    diagnostic::Diagnostics,
    model::Model,
    parts::{Call, Change, Failed, ImportTarget, Resource, Verdict},
};

/// Exists in the state only. Creating, changing and destroying it does nothing, and reading it finds it as it was.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Thing {
    /// Name of the thing. Another name is another thing.
    #[tf(required, replace)]
    pub name: Attr<String>,
    /// Labels of the thing.
    #[tf(optional)]
    pub labels: Attr<BTreeMap<String, String>>,
    /// Makes the state of the thing as large as wished, for measurements.
    #[tf(block)]
    pub load: Attr<Load>,
    /// `thing/<name>`.
    #[tf(computed, stable)]
    pub id: Attr<String>,
    /// What `load` asks for: texts by number. Empty without a load.
    #[tf(computed)]
    pub ballast: Attr<BTreeMap<String, String>>,
}

/// How large the ballast is.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Load {
    /// Number of texts, at most 1000.
    #[tf(required)]
    pub entries: Attr<u32>,
    /// Length of each text in bytes, at most 10000.
    #[tf(required)]
    pub bytes: Attr<u32>,
}

/// What names a thing for ever.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct ThingIdentity {
    /// Name of the thing.
    #[tf(required)]
    pub name: Attr<String>,
}

const ENTRIES_MAX: u32 = 1000;
const BYTES_MAX: u32 = 10_000;

/// Handler of `nothing_thing`.
#[derive(Debug)]
pub struct ThingResource;

impl Resource for ThingResource {
    const NAME: &'static str = "nothing_thing";
    type Model = Thing;
    type Identity = ThingIdentity;

    fn validate(&self, config: &Thing, found: &mut Diagnostics) {
        let Some(load) = config.load.known() else { return };
        for (value, max, field) in [(&load.entries, ENTRIES_MAX, Load::ENTRIES), (&load.bytes, BYTES_MAX, Load::BYTES)] {
            if value.known().is_some_and(|value| *value > max) {
                found.error_at(Thing::LOAD.then(field), "Too large", format!("At most {max}."));
            }
        }
    }

    /// What can be told before the apply is told: the plan then shows it in place of "known after apply".
    fn plan(&self, change: &Change<'_, Thing>, planned: &mut Thing, _verdict: &mut Verdict) {
        planned.id = id(planned);
        if change.prior.is_none_or(|prior| prior.load != planned.load) {
            planned.ballast = ballast(&planned.load);
        } else if let Some(prior) = change.prior {
            planned.ballast = prior.ballast.clone();
        }
    }

    async fn create(&self, planned: Thing, _call: &mut Call) -> Result<Thing, Failed<Thing>> {
        Ok(made(planned))
    }

    async fn update(&self, _prior: Thing, planned: Thing, _call: &mut Call) -> Result<Thing, Failed<Thing>> {
        Ok(made(planned))
    }

    async fn read(&self, state: Thing, _call: &mut Call) -> Result<Option<Thing>, Diagnostics> {
        // After an import the state holds the name only.
        Ok(Some(if state.id.is_null() { made(state) } else { state }))
    }

    async fn delete(&self, _prior: Thing, _call: &mut Call) -> Result<(), Failed<Thing>> {
        Ok(())
    }

    async fn import(&self, target: ImportTarget<ThingIdentity>, _call: &mut Call) -> Result<Thing, Diagnostics> {
        let name = match target {
            ImportTarget::Id(id) => Attr::Known(id.strip_prefix("thing/").unwrap_or(&id).to_owned()),
            ImportTarget::Identity(identity) => identity.name,
        };
        Ok(Thing { name, labels: Attr::Null, load: Attr::Null, id: Attr::Null, ballast: Attr::Null })
    }

    fn identity(&self, state: &Thing) -> Option<ThingIdentity> {
        state.name.known()?;
        Some(ThingIdentity { name: state.name.clone() })
    }
}

/// The thing with everything known that was to be known after apply.
fn made(planned: Thing) -> Thing {
    Thing { id: id(&planned), ballast: ballast(&planned.load), ..planned }
}

fn id(thing: &Thing) -> Attr<String> {
    thing.name.clone().map(|name| format!("thing/{name}"))
}

fn ballast(load: &Attr<Load>) -> Attr<BTreeMap<String, String>> {
    let load = match load {
        Attr::Known(load) => load,
        Attr::Null => return Attr::Known(BTreeMap::new()),
        Attr::Unknown => return Attr::Unknown,
    };
    let (Some(entries), Some(bytes)) = (load.entries.known(), load.bytes.known()) else { return Attr::Unknown };
    let text = "x".repeat(*bytes as usize);
    Attr::Known((0..*entries).map(|number| (format!("{number:04}"), text.clone())).collect())
}
