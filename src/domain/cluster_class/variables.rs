//! The variables of the shipped classes, with the schema that Cluster API holds a Cluster to.

use serde_json::{Value, json};

use crate::domain::cluster::Class;

/// A variable of a class.
pub struct Variable {
    pub name: &'static str,
    required: bool,
    schema: Value,
    /// Only this class has it; None: both.
    only: Option<Class>,
}

impl Variable {
    const fn new(name: &'static str, schema: Value) -> Self {
        Self { name, required: false, schema, only: None }
    }

    fn only(self, class: Class) -> Self {
        Self { only: Some(class), ..self }
    }

    fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

/// The variables that no setting of a tenant's cluster stands for: the user gives them by name.
pub fn own(class: Class) -> Vec<&'static str> {
    let has = |name: &str| all(class).iter().any(|variable| variable.name == name);
    ["addons", "imageId", "imageOwner", "nodeInstanceProfile", "publicEndpointCidrs", "subnetIds", "tags", "vpcId"]
        .into_iter()
        .filter(|name| has(name))
        .collect()
}

/// As the class lists them.
pub fn definitions(class: Class) -> Value {
    let definition = |variable: Variable| json!({ "name": variable.name, "required": variable.required, "schema": { "openAPIV3Schema": variable.schema } });
    all(class).into_iter().map(definition).collect()
}

/// Every optional one has an empty default, which the patches' conditions rely on.
fn all(class: Class) -> Vec<Variable> {
    let machine_type = |default: &str, what: &str| text(default, r"^[a-z0-9-]+\.[a-z0-9-]+$", what);
    let list = |pattern: &str, what: &str| json!({ "type": "array", "default": [], "description": what, "items": { "type": "string", "pattern": pattern } });
    let variables = [
        Variable::new("region", json!({ "type": "string", "pattern": "^[a-z]{2}(-[a-z]+)+-[0-9]$", "description": "Region of AWS." }))
            .required(),
        Variable::new("sshKeyName", json!({ "type": "string", "default": "", "description": "EC2 key pair for the nodes; empty: none." })),
        Variable::new(
            "kmsKeyArn",
            text("", "^(arn:aws[a-z-]*:kms:.+)?$", "KMS key for volumes and Secrets; empty: the account's default."),
        ),
        Variable::new("controlPlaneMachineType", machine_type("m6i.large", "Machine of the control plane.")).only(Class::Aws),
        Variable::new("nodeMachineType", machine_type("m7g.large", "Machine of the brokers' nodes.")),
        Variable::new("systemMachineType", machine_type("m7g.large", "Machine of the other nodes.")),
        Variable::new(
            "nodeInstanceProfile",
            text(
                "",
                "^[A-Za-z0-9+=,.@_-]*$",
                "IAM instance profile of the nodes, whose role bears the same name; empty: that of Cluster API.",
            ),
        ),
        Variable::new("imageId", text("", "^(ami-[0-9a-f]+)?$", "AMI of all machines; empty: looked up by version.")).only(Class::Aws),
        Variable::new("imageOwner", text("", "^([0-9]{12})?$", "Account whose AMIs are looked up by version; empty: that of Cluster API."))
            .only(Class::Aws),
        Variable::new("vpcId", text("", "^(vpc-[0-9a-f]+)?$", "An existing VPC; empty: one is made.")),
        Variable::new("subnetIds", list("^subnet-[0-9a-f]+$", "Subnets of the existing VPC.")),
        Variable::new("publicEndpointCidrs", list("^[0-9./]+$", "Networks that may reach the API server; empty: all.")).only(Class::Eks),
        Variable::new("addons", addons()).only(Class::Eks),
        Variable::new(
            "tags",
            json!({ "type": "object", "default": {}, "description": "Tags on everything made in AWS.", "additionalProperties": { "type": "string" } }),
        ),
    ];
    variables.into_iter().filter(|variable| variable.only.is_none_or(|only| only == class)).collect()
}

fn text(default: &str, pattern: &str, description: &str) -> Value {
    json!({ "type": "string", "default": default, "pattern": pattern, "description": description })
}

fn addons() -> Value {
    let resolution = json!({ "type": "string", "enum": ["overwrite", "none", "preserve"] });
    let text = json!({ "type": "string" });
    let properties = json!({
        "name": { "type": "string", "minLength": 2 },
        "version": { "type": "string", "minLength": 1 },
        "configuration": text,
        "conflictResolution": resolution,
        "serviceAccountRoleARN": text,
        "preserveOnDelete": { "type": "boolean" },
    });
    let item = json!({ "type": "object", "required": ["name", "version"], "properties": properties });
    json!({ "type": "array", "default": [], "description": "Add-ons of EKS.", "items": item })
}
