//! Labs of tests: they go with the test, however it ends.

use anyhow::Result;

use super::{Lab, Options, down};
use crate::output::note;
use crate::ports;
use crate::state::{self, State};

/// A lab for a test: a name of its own, taken down when dropped. One whose test was killed is taken down by the next.
pub struct TemporaryLab(Option<Lab>);

impl TemporaryLab {
    /// Brings up a lab whose name begins with `purpose`.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn up(purpose: &str, pretend_ready: bool) -> Result<Self> {
        sweep_orphans()?;
        let [unique] = ports::free()?;
        let name = format!("{purpose}-{}-{unique}", std::process::id());
        Self::with(&Options { pretend_ready, ..Options::named(&name) })
    }

    /// Brings up a lab with Cluster API whose name begins with `purpose`.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn with_cluster_api(purpose: &str, pretend_ready: bool) -> Result<Self> {
        sweep_orphans()?;
        let [unique] = ports::free()?;
        let name = format!("{purpose}-{}-{unique}", std::process::id());
        Self::with(&Options { pretend_ready, cluster_api: true, ..Options::named(&name) })
    }

    /// Brings up a lab with AWS and without Kafka whose name begins with `purpose`.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn with_aws(purpose: &str) -> Result<Self> {
        sweep_orphans()?;
        let [unique] = ports::free()?;
        let name = format!("{purpose}-{}-{unique}", std::process::id());
        Self::with(&Options { pretend_ready: true, aws: true, ..Options::named(&name) })
    }

    /// Brings up a lab with DNS, certificates and AWS, without Kafka, whose name begins with `purpose`.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn with_dns(purpose: &str) -> Result<Self> {
        sweep_orphans()?;
        let [unique] = ports::free()?;
        let name = format!("{purpose}-{}-{unique}", std::process::id());
        Self::with(&Options { pretend_ready: true, aws: true, dns: true, ..Options::named(&name) })
    }

    /// Brings up a lab as `options` say, tied to this process.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn with(options: &Options) -> Result<Self> {
        Ok(Self(Some(Lab::up(&Options { owned: true, ..options.clone() })?.0)))
    }

    /// Takes it down and says whether that went well, which a drop cannot.
    ///
    /// # Errors
    /// As [`Lab::down`].
    pub fn down(mut self) -> Result<()> {
        self.0.take().map_or(Ok(()), Lab::down)
    }
}

impl std::ops::Deref for TemporaryLab {
    type Target = Lab;

    #[expect(clippy::expect_used, reason = "the lab is taken out only by the two functions that consume the guard")]
    fn deref(&self) -> &Lab {
        self.0.as_ref().expect("a guard holds its lab until it goes")
    }
}

impl std::ops::DerefMut for TemporaryLab {
    #[expect(clippy::expect_used, reason = "the lab is taken out only by the two functions that consume the guard")]
    fn deref_mut(&mut self) -> &mut Lab {
        self.0.as_mut().expect("a guard holds its lab until it goes")
    }
}

impl Drop for TemporaryLab {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.take().map(Lab::down) {
            note(format!("take a temporary lab down: {error:#}"));
        }
    }
}

/// Takes down the labs whose owner is gone.
fn sweep_orphans() -> Result<()> {
    for folder in state::folders()? {
        let owner = State::read(&folder).ok().flatten().and_then(|state| state.owner);
        if owner.is_some_and(|owner| !owner.alive()) {
            down(&folder)?;
        }
    }
    Ok(())
}
