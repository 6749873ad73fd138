//! Images from another registry: every image of a manifest, and those that programs are told of by an argument.

use serde_json::Value;

/// An image in a site's own registry: `quay.io/jetstack/x:v1` becomes `<registry>/jetstack/x:v1`, Docker Hub's `nginx` `<registry>/library/nginx`.
/// `registry` may hold a path.
pub fn rewritten(image: &str, registry: &str) -> String {
    let registry = registry.trim_end_matches('/');
    if image.is_empty() || image.starts_with(&format!("{registry}/")) {
        return image.to_owned();
    }
    match image.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => format!("{registry}/{path}"),
        Some(_) => format!("{registry}/{image}"),
        None => format!("{registry}/library/{image}"),
    }
}

/// Rewrites every image in the pod specs of an object, wherever it holds them, and arguments such as `--acme-http01-solver-image=…`.
pub fn rewrite(value: &mut Value, registry: &str) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                match field {
                    Value::Array(containers) if matches!(key.as_str(), "containers" | "initContainers" | "ephemeralContainers") => {
                        containers.iter_mut().for_each(|container| rewrite_container(container, registry));
                    }
                    other => rewrite(other, registry),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, registry)),
        _ => {}
    }
}

fn rewrite_container(container: &mut Value, registry: &str) {
    if let Some(image) = container.get("image").and_then(Value::as_str) {
        container["image"] = Value::from(rewritten(image, registry));
    }
    for list in ["args", "command"] {
        for argument in container.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let Some((flag, image)) = argument.as_str().and_then(|text| text.split_once('=')) else { continue };
            if flag.starts_with("--") && flag.ends_with("-image") {
                *argument = Value::from(format!("{flag}={}", rewritten(image, registry)));
            }
        }
    }
}

/// The same in the text of a provider's components, which holds placeholders (`${NAME:=value}`) that must keep their spelling.
pub fn rewrite_text(text: &str, registry: &str) -> String {
    let mut made = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let body = line.trim_start().trim_start_matches("- ").trim_start();
        let image = body.strip_prefix("image:").map(|image| image.trim().trim_matches(['"', '\'']));
        match image.filter(|image| !image.is_empty() && !image.starts_with(['$', '{', '|', '>', '#'])) {
            Some(image) => made.push_str(&line.replacen(image, &rewritten(image, registry), 1)),
            None => made.push_str(line),
        }
    }
    made
}
