//! The images of EKS's nodes. Moto knows Amazon Linux and not the images that EKS makes of it: who asks SSM for these is told of those.

use bytes::Bytes;
use http::header;
use http::request::Parts;
use serde_json::{Value, json};

/// The public parameters that name the newest image for a version of Kubernetes.
const EKS: &str = "/aws/service/eks/optimized-ami/";

/// The request as moto understands it.
pub fn known_to_moto(head: &mut Parts, body: Bytes) -> Bytes {
    let asks = head.headers.get("x-amz-target").is_some_and(|target| target == "AmazonSSM.GetParameter");
    let name = asks.then(|| serde_json::from_slice::<Value>(&body).ok()).flatten().and_then(|asked| amazon_linux(asked["Name"].as_str()?));
    let Some(name) = name else { return body };
    head.headers.remove(header::CONTENT_LENGTH);
    Bytes::from(json!({"Name": name}).to_string())
}

/// `/aws/service/eks/optimized-ami/1.36/amazon-linux-2023/arm64/standard/recommended/image_id` as what that image is made of.
fn amazon_linux(name: &str) -> Option<String> {
    let [_version, "amazon-linux-2023", architecture, "standard", "recommended", "image_id"] =
        name.strip_prefix(EKS)?.split('/').collect::<Vec<_>>()[..]
    else {
        return None;
    };
    Some(format!("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_eks_is_amazon_linux_for_the_same_processor() {
        let asked = "/aws/service/eks/optimized-ami/1.36/amazon-linux-2023/arm64/standard/recommended/image_id";
        assert_eq!(amazon_linux(asked).unwrap(), "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64");
        assert_eq!(amazon_linux("/aws/service/eks/optimized-ami/1.36/amazon-linux-2/recommended/image_id"), None);
        assert_eq!(amazon_linux("/mine"), None);
    }
}
