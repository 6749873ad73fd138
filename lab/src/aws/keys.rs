//! The keys this AWS issued, with their secrets and whose they are: seen when IAM and STS answer, and kept in a file.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::record;

/// A key and who has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub secret: String,
    /// Of keys that are lent.
    pub session_token: Option<String>,
    /// ARN of the user or the role: what policies and access entries name.
    pub principal: String,
    /// ARN as STS says it: of a role with the session.
    pub caller: String,
}

impl Key {
    /// The name of the session of an assumed role.
    pub fn session(&self) -> &str {
        self.session_token.as_ref().and(self.caller.rsplit('/').next()).unwrap_or_default()
    }
}

/// All keys, by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys(BTreeMap<String, Key>);

impl Keys {
    /// What the file holds; nothing if there is none.
    pub fn read(file: &Path) -> Result<Self> {
        Ok(record::read(file)?.unwrap_or_default())
    }

    /// Writes them for their owner only.
    pub fn write(&self, file: &Path) -> Result<()> {
        record::write(file, self)
    }

    pub fn get(&self, id: &str) -> Option<&Key> {
        self.0.get(id)
    }

    pub fn add(&mut self, id: String, key: Key) {
        self.0.insert(id, key);
    }

    pub fn remove(&mut self, id: &str) {
        self.0.remove(id);
    }
}

/// The text of the first element `tag` of an XML answer.
pub fn element<'a>(xml: &'a str, tag: &str) -> Option<&'a str> {
    elements(xml, tag).next()
}

/// The texts of all elements `tag` of an XML answer.
pub fn elements<'a>(xml: &'a str, tag: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (text, after) = after.split_once(&close)?;
        rest = after;
        Some(text.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_an_answer_are_found() {
        let xml = "<a><b> one </b><c/><b>two</b></a>";
        assert_eq!(elements(xml, "b").collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(element(xml, "c"), None);
    }

    #[test]
    fn only_lent_keys_have_a_session() {
        let mut key = Key { secret: "s".into(), session_token: None, principal: "p".into(), caller: "arn:aws:iam::1:user/me".into() };
        assert_eq!(key.session(), "");
        key.session_token = Some("t".into());
        key.caller = "arn:aws:sts::1:assumed-role/ops/night".into();
        assert_eq!(key.session(), "night");
    }
}
