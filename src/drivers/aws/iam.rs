//! IAM: one role at a time, with its inline policies and tags. IAM is global: it has no region.
//!
//! Every step may be repeated: what is so already is no failure. What the role shall be is decided elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_iam::types;
use percent_encoding::percent_decode_str;
use tokio::time::{Instant, sleep};

use super::{Aws, Error, Result, Words};
use crate::domain::iam::role::{RoleWish, SeenRole, Tags, is_same, is_same_policy};

/// How long IAM may take until all of it knows what it was just told, and how long to wait between tries.
const PROPAGATION: Duration = if cfg!(test) { Duration::from_secs(2) } else { Duration::from_secs(60) };
const PROPAGATION_PAUSE: Duration = if cfg!(test) { Duration::from_millis(5) } else { Duration::from_secs(3) };

/// `read role "kaas-payments-1f2e3d4c" of IAM`.
fn act(what: &str, role: &str) -> String {
    format!("{what} role {role:?} of IAM")
}

impl Aws {
    /// The role of a name with its inline policies; None: there is none.
    ///
    /// # Errors
    /// When IAM refuses or cannot be asked.
    pub async fn role(&self, name: &str) -> Result<Option<SeenRole>> {
        let Some(found) = self.role_itself(name).await? else { return Ok(None) };
        match self.role_policies(name).await {
            Ok(policies) => Ok(Some(SeenRole { policies, ..found })),
            // It went while it was looked at.
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the role, or brings the one of its name to the wish, and answers with its ARN. Tags of others stay.
    ///
    /// # Errors
    /// [`Error::Foreign`] where a role of that name lacks the tags by which the provider knows its own; when IAM refuses or cannot be asked.
    pub async fn put_role(&self, wish: &RoleWish) -> Result<String> {
        let (found, is_new) = match self.role_itself(&wish.name).await? {
            Some(found) => (found, false),
            None => self.make_role(wish).await?,
        };
        if !is_same(&wish.tags, &found.tags) {
            let source = Words(format!("{} exists and does not carry the tags by which kaas knows its own", found.arn));
            return Err(Error::Foreign { act: act("make", &wish.name), source });
        }
        // Of a role that was just made, IAM may deny for seconds that it is there.
        let passes = |error: &Error| is_passing(error) || (is_new && matches!(error, Error::NotFound { .. }));
        let policies = if is_new { BTreeMap::new() } else { self.role_policies(&wish.name).await? };
        patiently(passes, || self.correct_role(wish, &found)).await?;
        for (name, policy) in &wish.policies {
            if policies.get(name).is_none_or(|found| !is_same_policy(found, policy)) {
                patiently(passes, || self.put_role_policy(&wish.name, name, policy)).await?;
            }
        }
        for name in policies.keys().filter(|name| !wish.policies.contains_key(*name)) {
            patiently(passes, || self.delete_role_policy(&wish.name, name)).await?;
        }
        Ok(found.arn)
    }

    /// Deletes the role with its inline policies, and takes it away from managed policies and instance profiles. Success when it is gone already.
    ///
    /// # Errors
    /// When IAM refuses or cannot be asked.
    pub async fn delete_role(&self, name: &str) -> Result<()> {
        gone(patiently(is_passing, || self.strip_and_delete_role(name)).await)
    }

    /// Without its policies.
    async fn role_itself(&self, name: &str) -> Result<Option<SeenRole>> {
        let act = act("read", name);
        match self.iam().await.get_role().role_name(name).send().await.map_err(self.failed(act.clone())) {
            Ok(answer) => Ok(Some(seen(answer.role.ok_or_else(|| Error::decode(act, "there is no role in it"))?))),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn role_policies(&self, role: &str) -> Result<BTreeMap<String, String>> {
        let client = self.iam().await;
        let listed = client.list_role_policies().role_name(role).into_paginator().items().send().try_collect().await;
        let mut policies = BTreeMap::new();
        for name in listed.map_err(self.failed(act("list the policies of", role)))? {
            let request = client.get_role_policy().role_name(role).policy_name(&name);
            let answer = request.send().await.map_err(self.failed(act(&format!("read policy {name:?} of"), role)));
            match answer {
                Ok(answer) => policies.insert(name, decoded(&answer.policy_document)),
                Err(Error::NotFound { .. }) => None,
                Err(error) => return Err(error),
            };
        }
        Ok(policies)
    }

    /// The role, and whether it was made here: another run may have been faster, or this one's own request whose answer was lost.
    async fn make_role(&self, wish: &RoleWish) -> Result<(SeenRole, bool)> {
        let request = self
            .iam()
            .await
            .create_role()
            .role_name(&wish.name)
            .path(&wish.path)
            .description(&wish.description)
            .assume_role_policy_document(&wish.trust)
            .set_tags(Some(tags(&wish.tags)?));
        let act = act("make", &wish.name);
        match request.send().await.map_err(self.failed(act.clone())) {
            Ok(answer) => {
                let made = answer.role.ok_or_else(|| Error::decode(act, "there is no role in it"))?;
                // The answer need not tell what the request said.
                let RoleWish { description, trust, tags, .. } = wish.clone();
                Ok((SeenRole { description, trust, tags, ..seen(made) }, true))
            }
            Err(error @ Error::Conflict { .. }) => self.role_itself(&wish.name).await?.map(|found| (found, false)).ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// Trust, description and tags.
    async fn correct_role(&self, wish: &RoleWish, found: &SeenRole) -> Result<()> {
        let (client, name) = (self.iam().await, &wish.name);
        if !is_same_policy(&found.trust, &wish.trust) {
            let request = client.update_assume_role_policy().role_name(name).policy_document(&wish.trust);
            request.send().await.map_err(self.failed(act("change who may assume", name)))?;
        }
        if found.description != wish.description {
            // The other request for it would set the length of sessions as well.
            let request = client.update_role_description().role_name(name).description(&wish.description);
            request.send().await.map_err(self.failed(act("describe", name)))?;
        }
        let missing: Tags = wish.tags.clone().into_iter().filter(|(key, value)| found.tags.get(key) != Some(value)).collect();
        if !missing.is_empty() {
            client.tag_role().role_name(name).set_tags(Some(tags(&missing)?)).send().await.map_err(self.failed(act("tag", name)))?;
        }
        Ok(())
    }

    async fn put_role_policy(&self, role: &str, name: &str, policy: &str) -> Result<()> {
        let request = self.iam().await.put_role_policy().role_name(role).policy_name(name).policy_document(policy);
        request.send().await.map_err(self.failed(act(&format!("write policy {name:?} of"), role)))?;
        Ok(())
    }

    async fn delete_role_policy(&self, role: &str, name: &str) -> Result<()> {
        let request = self.iam().await.delete_role_policy().role_name(role).policy_name(name);
        gone(request.send().await.map_err(self.failed(act(&format!("delete policy {name:?} of"), role))))
    }

    /// IAM deletes no role that has a policy or stands in an instance profile.
    async fn strip_and_delete_role(&self, role: &str) -> Result<()> {
        let client = self.iam().await;
        let inline = client.list_role_policies().role_name(role).into_paginator().items().send().try_collect().await;
        for name in inline.map_err(self.failed(act("list the policies of", role)))? {
            self.delete_role_policy(role, &name).await?;
        }
        let attached = client.list_attached_role_policies().role_name(role).into_paginator().items().send().try_collect().await;
        let attached = attached.map_err(self.failed(act("list the managed policies of", role)))?;
        for arn in attached.into_iter().filter_map(|policy| policy.policy_arn) {
            let request = client.detach_role_policy().role_name(role).policy_arn(&arn);
            gone(request.send().await.map_err(self.failed(act(&format!("detach policy {arn} from"), role))))?;
        }
        let profiles = client.list_instance_profiles_for_role().role_name(role).into_paginator().items().send().try_collect().await;
        for profile in profiles.map_err(self.failed(act("list the instance profiles of", role)))? {
            let name = profile.instance_profile_name;
            let request = client.remove_role_from_instance_profile().role_name(role).instance_profile_name(&name);
            gone(request.send().await.map_err(self.failed(act(&format!("take out of instance profile {name:?} the"), role))))?;
        }
        client.delete_role().role_name(role).send().await.map_err(self.failed(act("delete", role)))?;
        Ok(())
    }
}

fn seen(found: types::Role) -> SeenRole {
    SeenRole {
        arn: found.arn,
        name: found.role_name,
        path: found.path,
        description: found.description.unwrap_or_default(),
        trust: found.assume_role_policy_document.as_deref().map(decoded).unwrap_or_default(),
        policies: BTreeMap::new(),
        tags: found.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect(),
    }
}

/// IAM answers with policies encoded as in a URL.
fn decoded(policy: &str) -> String {
    percent_decode_str(policy).decode_utf8_lossy().into_owned()
}

fn tags(wished: &Tags) -> Result<Vec<types::Tag>> {
    let built =
        wished.iter().map(|(key, value)| types::Tag::builder().key(key).value(value).build()).collect::<std::result::Result<_, _>>();
    built.map_err(|error| Error::Config { message: error.to_string(), way_out: "Please report this error.".into() })
}

fn gone<T>(answer: Result<T>) -> Result<()> {
    match answer {
        Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// IAM is still busy with an earlier change, or not all of it has seen that.
fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Conflict { .. })
}

/// Asks again while the failure is one that passes, for as long as IAM may take.
async fn patiently<F: Future<Output = Result<()>>>(passes: impl Fn(&Error) -> bool, ask: impl Fn() -> F) -> Result<()> {
    let begin = Instant::now();
    loop {
        match ask().await {
            Err(error) if passes(&error) && begin.elapsed() + PROPAGATION_PAUSE < PROPAGATION => {
                tracing::debug!(error = %error.report(), "trying again when IAM knows of it everywhere");
                sleep(PROPAGATION_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}
