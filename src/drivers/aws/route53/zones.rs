//! Hosted zones.

use aws_sdk_route53::types;

use super::spelling::plain_name;
use super::zone_id;
use crate::domain::dns::Zone;
use crate::drivers::aws::{Aws, Error, Result};

impl Aws {
    /// The hosted zone of an id, with its name servers; None: there is none.
    ///
    /// # Errors
    /// When Route53 refuses or cannot be asked.
    pub async fn zone(&self, id: &str) -> Result<Option<Zone>> {
        let act = format!("read hosted zone {:?} of Route53", zone_id(id));
        let request = self.route53().await.get_hosted_zone().id(zone_id(id));
        let answer = match request.send().await.map_err(self.failed(act.clone())) {
            Ok(answer) => answer,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = answer.hosted_zone.ok_or_else(|| Error::decode(act, "there is no hosted zone in it"))?;
        let servers = answer.delegation_set.map(|set| set.name_servers).unwrap_or_default();
        Ok(Some(Zone { name_servers: servers.iter().map(|name| plain_name(name)).collect(), ..zone(found) }))
    }

    /// The hosted zones of exactly this name, public and private ones, without their name servers.
    ///
    /// # Errors
    /// When Route53 refuses or cannot be asked.
    pub async fn zones_named(&self, name: &str) -> Result<Vec<Zone>> {
        let name = plain_name(name);
        let client = self.route53().await;
        let (mut next_name, mut next_id, mut zones) = (format!("{name}."), None, Vec::new());
        loop {
            let request = client.list_hosted_zones_by_name().dns_name(&next_name).set_hosted_zone_id(next_id);
            let answer = request.send().await.map_err(self.failed(format!("list the hosted zones of Route53 named {name:?}")))?;
            zones.extend(answer.hosted_zones.into_iter().map(zone).filter(|zone| zone.name == name));
            // The list goes on with all names behind the one asked for.
            match answer.next_dns_name.filter(|next| answer.is_truncated && plain_name(next) == name) {
                Some(next) => (next_name, next_id) = (next, answer.next_hosted_zone_id),
                None => return Ok(zones),
            }
        }
    }

    /// All hosted zones of the account, without their name servers.
    ///
    /// # Errors
    /// When Route53 refuses or cannot be asked.
    pub async fn zones(&self) -> Result<Vec<Zone>> {
        let request = self.route53().await.list_hosted_zones().into_paginator().items();
        let listed = request.send().try_collect().await.map_err(self.failed("list the hosted zones of Route53".to_owned()))?;
        Ok(listed.into_iter().map(zone).collect())
    }
}

fn zone(found: types::HostedZone) -> Zone {
    Zone {
        id: zone_id(&found.id).to_owned(),
        name: plain_name(&found.name),
        private: found.config.is_some_and(|config| config.private_zone),
        name_servers: Vec::new(),
    }
}
