//! Types as JSON, as schemas and values of any type carry them: `"string"`, `["list","number"]`, `["object",{"name":"string"}]`.

use serde_json::Value as Json;

use crate::framework::value::Type;

/// Why bytes are no type.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TypeError {
    #[error("not JSON: {0}")]
    Json(String),
    #[error("{0} is not a type")]
    Unknown(String),
}

/// The type as compact JSON.
pub fn encode(ty: &Type) -> Vec<u8> {
    to_json(ty).to_string().into_bytes()
}

/// Reads a type.
///
/// # Errors
/// When the bytes are no type.
pub fn decode(bytes: &[u8]) -> Result<Type, TypeError> {
    // The parser itself refuses what is nested more than 128 levels deep.
    let json: Json = serde_json::from_slice(bytes).map_err(|e| TypeError::Json(e.to_string()))?;
    from_json(&json)
}

fn to_json(ty: &Type) -> Json {
    match ty {
        Type::String => "string".into(),
        Type::Number => "number".into(),
        Type::Bool => "bool".into(),
        Type::Dynamic => "dynamic".into(),
        Type::List(element) => Json::from(vec!["list".into(), to_json(element)]),
        Type::Set(element) => Json::from(vec!["set".into(), to_json(element)]),
        Type::Map(element) => Json::from(vec!["map".into(), to_json(element)]),
        Type::Object(types) => {
            let attributes = types.iter().map(|(name, ty)| (name.clone(), to_json(ty))).collect::<serde_json::Map<_, _>>();
            Json::from(vec!["object".into(), Json::Object(attributes)])
        }
        Type::Tuple(types) => Json::from(vec!["tuple".into(), Json::from_iter(types.iter().map(to_json))]),
    }
}

fn from_json(json: &Json) -> Result<Type, TypeError> {
    let refused = || TypeError::Unknown(json.to_string().chars().take(64).collect());
    match json {
        Json::String(name) => match name.as_str() {
            "string" => Ok(Type::String),
            "number" => Ok(Type::Number),
            "bool" => Ok(Type::Bool),
            "dynamic" => Ok(Type::Dynamic),
            _ => Err(refused()),
        },
        Json::Array(parts) => match parts.as_slice() {
            [Json::String(kind), element] if kind == "list" => from_json(element).map(Type::list),
            [Json::String(kind), element] if kind == "set" => from_json(element).map(Type::set),
            [Json::String(kind), element] if kind == "map" => from_json(element).map(Type::map),
            [Json::String(kind), Json::Array(types)] if kind == "tuple" => {
                types.iter().map(from_json).collect::<Result<_, _>>().map(Type::Tuple)
            }
            // The names of optional attributes may follow; they mean nothing for values.
            [Json::String(kind), Json::Object(types)] | [Json::String(kind), Json::Object(types), Json::Array(_)] if kind == "object" => {
                types.iter().map(|(name, json)| Ok((name.clone(), from_json(json)?))).collect::<Result<_, _>>().map(Type::Object)
            }
            _ => Err(refused()),
        },
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_reads_back_as_it_was_written() {
        for text in [r#""dynamic""#, r#"["list","string"]"#, r#"["object",{"a":["set","number"],"b":["tuple",["bool","string"]]}]"#] {
            let ty = decode(text.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(encode(&ty)).unwrap(), text);
        }
        assert_eq!(decode(br#"["object",{"a":"bool"},["a"]]"#).unwrap(), decode(br#"["object",{"a":"bool"}]"#).unwrap());
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for text in ["", "1", r#""text""#, r#"["list"]"#, r#"["heap","string"]"#, r#"["tuple",{}]"#, &"[".repeat(10_000)] {
            assert!(decode(text.as_bytes()).is_err(), "{text:.40}");
        }
    }
}
