//! Hosted zones as the tenants of one plan share them: each zone is listed once, whatever the number of tenants.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::OnceCell, time::Instant};

use super::Connection;
use crate::{
    domain::dns::Record,
    drivers::aws::{self, Aws},
};

/// As for the lists of Kubernetes: longer than a plan takes, short enough for a program that serves many.
const LIFETIME: Duration = Duration::from_secs(30);

type Listing = Arc<OnceCell<Arc<Vec<Record>>>>;

/// Listings by zone and the name below which they are, with the time at which each was begun.
#[derive(Default)]
pub(super) struct Zones(Mutex<HashMap<(String, String), (Instant, Listing)>>);

impl Zones {
    fn listing(&self, zone: &str, below: &str) -> Listing {
        let mut listings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listings.retain(|_, (begun, _)| begun.elapsed() < LIFETIME);
        let (_, listing) = listings.entry((zone.to_owned(), below.to_owned())).or_insert_with(|| (Instant::now(), Listing::default()));
        Arc::clone(listing)
    }

    fn forget(&self, zone: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _), _| of != zone);
    }
}

impl Connection {
    /// The record sets at and below a name, at most half a minute old. A failure is not kept.
    pub async fn shared_records(&self, aws: &Aws, zone: &str, below: &str) -> Result<Arc<Vec<Record>>, aws::Error> {
        let Some(configured) = self.configured() else { return aws.records(zone, below).await.map(Arc::new) };
        let listing = configured.zones.listing(zone, below);
        listing.get_or_try_init(|| async { aws.records(zone, below).await.map(Arc::new) }).await.cloned()
    }

    /// Forgets what was listed of a zone: something in it was changed.
    pub fn forget_records(&self, zone: &str) {
        if let Some(configured) = self.configured() {
            configured.zones.forget(zone);
        }
    }
}
