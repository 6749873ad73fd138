//! An API server that takes short-lived tokens: the client is made anew shortly before its token ends, and whenever the token is refused.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;

use super::client::client;
use super::config::Environment;
use super::error::Result;
use super::resolve::by_address;
use super::{Cluster, Connect, Login, client_error};

/// The longest time before the end of a token at which it is renewed; of short-lived ones, a tenth of the time that was left.
const MARGIN: Duration = Duration::from_secs(60);

/// Where tokens come from.
pub trait TokenSource: Send + Sync {
    /// A new token, never one given before.
    ///
    /// # Errors
    /// When there are no credentials to make one from.
    fn token(&self) -> BoxFuture<'_, Result<Bearer>>;
}

/// A token and its end. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer {
    pub text: String,
    pub expires_at: SystemTime,
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").field("text", &"not shown").field("expires_at", &self.expires_at).finish()
    }
}

impl Bearer {
    /// When the next one is to be asked for.
    fn renew_at(&self, now: SystemTime) -> SystemTime {
        let left = self.expires_at.duration_since(now).unwrap_or_default();
        now + left - MARGIN.min(left / 10)
    }
}

impl Cluster {
    /// The cluster at `endpoint`, called `id`, by tokens from `source`. Sends nothing and asks for no token before the first request.
    ///
    /// `ca_certificate`: PEM of the authorities that sign the server's certificate.
    ///
    /// # Errors
    /// When the endpoint is no address, or the certificates or the environment's proxy cannot be used.
    pub fn by_token(
        id: &str,
        endpoint: &str,
        ca_certificate: &str,
        source: Arc<dyn TokenSource>,
        environment: &Environment,
    ) -> Result<Self> {
        let resolved = by_address(id, endpoint, ca_certificate, environment)?;
        let (config, name) = (resolved.config, id.to_owned());
        let url = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let connect: Connect = Box::new(move || {
            let (mut config, name, source) = (config.clone(), name.clone(), source.clone());
            Box::pin(async move {
                let bearer = source.token().await?;
                let renew_at = bearer.renew_at(SystemTime::now());
                config.auth_info.token = Some(bearer.text.into());
                let client = client(config).map_err(|error| client_error(&name, error))?;
                Ok(Login { client, renew_at: Some(renew_at) })
            })
        });
        Ok(Self::new(resolved.id, url, resolved.address, resolved.ca_certificate, connect))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_a_minute_before_its_end_or_a_tenth_of_a_short_life() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (life_ms, wait_ms) in [(14 * 60_000, 13 * 60_000), (600_000, 540_000), (2_000, 1_800), (0, 0)] {
            let bearer = Bearer { text: "secret".into(), expires_at: now + Duration::from_millis(life_ms) };
            assert_eq!(bearer.renew_at(now), now + Duration::from_millis(wait_ms));
            assert!(!format!("{bearer:?}").contains("secret"));
        }
        let over = Bearer { text: String::new(), expires_at: now - Duration::from_secs(5) };
        assert_eq!(over.renew_at(now), now);
    }
}
