//! SCRAM-SHA-512 (RFC 5802, 7677): salted passwords for the credentials brokers keep, and the client's side of a login.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kafka_protocol::messages::alter_user_scram_credentials_request::{ScramCredentialDeletion, ScramCredentialUpsertion};
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, DescribeUserScramCredentialsRequest, SaslAuthenticateRequest, SaslHandshakeRequest,
};

use super::{Client, Connection, Error, check, text};

/// Kafka's number for SCRAM-SHA-512.
const SHA_512: i8 = 2;
const ITERATIONS: NonZeroU32 = match NonZeroU32::new(4096) {
    Some(n) => n,
    None => NonZeroU32::MIN,
};

/// `Hi(password, salt, iterations)` of RFC 5802 with HMAC-SHA-512.
pub fn salted_password(password: &str, salt: &[u8], iterations: NonZeroU32) -> [u8; 64] {
    let mut out = [0; 64];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA512, iterations, salt, password.as_bytes(), &mut out);
    out
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|e| Error::Scram(e.to_string()))?;
    Ok(bytes)
}

impl Client {
    /// Sets the SCRAM-SHA-512 password of `user`.
    pub async fn set_scram(&mut self, user: &str, password: &str) -> Result<(), Error> {
        let salt = random::<24>()?;
        let upsertion = ScramCredentialUpsertion::default()
            .with_name(text(user))
            .with_mechanism(SHA_512)
            .with_iterations(4096)
            .with_salt(Bytes::copy_from_slice(&salt))
            .with_salted_password(Bytes::copy_from_slice(&salted_password(password, &salt, ITERATIONS)));
        self.alter_scram(AlterUserScramCredentialsRequest::default().with_upsertions(vec![upsertion])).await
    }

    /// Removes the SCRAM-SHA-512 password of `user`.
    pub async fn delete_scram(&mut self, user: &str) -> Result<(), Error> {
        let deletion = ScramCredentialDeletion::default().with_name(text(user)).with_mechanism(SHA_512);
        self.alter_scram(AlterUserScramCredentialsRequest::default().with_deletions(vec![deletion])).await
    }

    async fn alter_scram(&mut self, request: AlterUserScramCredentialsRequest) -> Result<(), Error> {
        let answer = self.call(0, &request).await?;
        answer.results.iter().try_for_each(|r| check(|| format!("set SCRAM of {}", r.user), r.error_code, r.error_message.as_ref()))
    }

    /// Users that have SCRAM credentials.
    pub async fn scram_users(&mut self) -> Result<BTreeSet<String>, Error> {
        let answer = self.call(0, &DescribeUserScramCredentialsRequest::default().with_users(None)).await?;
        check(|| "list SCRAM users".to_owned(), answer.error_code, answer.error_message.as_ref())?;
        Ok(answer.results.iter().map(|r| r.user.to_string()).collect())
    }
}

/// Logs a fresh connection in.
pub(super) async fn authenticate(connection: &mut Connection, user: &str, password: &str) -> Result<(), Error> {
    let hello = connection.call(1, &SaslHandshakeRequest::default().with_mechanism(text("SCRAM-SHA-512"))).await?;
    check(|| "begin SASL".to_owned(), hello.error_code, None)?;
    let nonce = STANDARD.encode(random::<18>()?);
    let name = user.replace('=', "=3D").replace(',', "=2C");
    let first_bare = format!("n={name},r={nonce}");
    let server_first = round(connection, &format!("n,,{first_bare}")).await?;
    let last = client_final(password, &first_bare, &server_first, &nonce)?;
    round(connection, &last).await?;
    Ok(())
}

async fn round(connection: &mut Connection, message: &str) -> Result<String, Error> {
    let request = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::copy_from_slice(message.as_bytes()));
    let answer = connection.call(2, &request).await?;
    check(|| "log in by SCRAM".to_owned(), answer.error_code, answer.error_message.as_ref())?;
    String::from_utf8(answer.auth_bytes.to_vec()).map_err(|e| Error::Scram(e.to_string()))
}

fn client_final(password: &str, first_bare: &str, server_first: &str, nonce: &str) -> Result<String, Error> {
    let field = |key: &str| {
        server_first.split(',').find_map(|part| part.strip_prefix(key)).ok_or_else(|| Error::Scram(format!("no {key} in the answer")))
    };
    let server_nonce = field("r=")?;
    if !server_nonce.starts_with(nonce) {
        return Err(Error::Scram("the server answered another login".to_owned()));
    }
    let salt = STANDARD.decode(field("s=")?).map_err(|e| Error::Scram(e.to_string()))?;
    let iterations = field("i=")?.parse::<NonZeroU32>().map_err(|e| Error::Scram(e.to_string()))?;
    let salted = salted_password(password, &salt, iterations);
    let mac = |key: &[u8], data: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key), data);
    let client_key = mac(&salted, b"Client Key");
    let stored = digest::digest(&digest::SHA512, client_key.as_ref());
    let without_proof = format!("c=biws,r={server_nonce}");
    let signature = mac(stored.as_ref(), format!("{first_bare},{server_first},{without_proof}").as_bytes());
    let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
    Ok(format!("{without_proof},p={}", STANDARD.encode(proof)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_another_login_is_refused() {
        let answer = client_final("secret", "n=u,r=abc", "r=xyz1,s=c2FsdA==,i=4096", "abc");
        assert!(matches!(answer, Err(Error::Scram(_))));
    }

    #[test]
    fn the_final_message_carries_a_proof_of_64_bytes() {
        let last = client_final("secret", "n=u,r=abc", "r=abcxyz,s=c2FsdA==,i=4096", "abc").unwrap();
        let proof = last.split("p=").last().unwrap();
        assert_eq!(STANDARD.decode(proof).unwrap().len(), 64);
    }
}
