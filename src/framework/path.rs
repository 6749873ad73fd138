//! Where in a value something is: the address a diagnostic or a replacement points at.

use std::fmt;

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// An attribute or block of an object.
    Attribute(String),
    /// An element of a map.
    Key(String),
    /// An element of a list. Sets have no index: a path ends at the set.
    Index(i64),
}

/// Steps from the root of a configuration to one place in it. The empty path is the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Step>);

impl Path {
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    pub fn attribute(&self, name: &str) -> Self {
        self.with(Step::Attribute(name.to_owned()))
    }

    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(i64::try_from(index).unwrap_or(i64::MAX)))
    }

    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// This path continued by another one.
    pub fn join(&self, rest: &Self) -> Self {
        Self(self.0.iter().chain(&rest.0).cloned().collect())
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

/// `throughput.ingress_mib_per_second`, `topics[0].name`, `config["a.b"]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => f.write_str(name)?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// The path of a field as the derive macro names it: attribute names from the model's root.
impl From<&[&str]> for Path {
    fn from(names: &[&str]) -> Self {
        Self(names.iter().map(|name| Step::Attribute((*name).to_owned())).collect())
    }
}

impl From<&str> for Path {
    fn from(name: &str) -> Self {
        Self::root().attribute(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_like_configuration() {
        let path = Path::root().attribute("topics").index(0).attribute("config").key("a.b");
        assert_eq!(path.to_string(), r#"topics[0].config["a.b"]"#);
    }

    #[test]
    fn building_on_a_path_leaves_it_alone() {
        let root = Path::from("a");
        let _ = root.attribute("b");
        assert_eq!(root.to_string(), "a");
    }
}
