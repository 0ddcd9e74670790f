//! The configuration of single sign-on, read and never written (kore-api 2.17).

use super::super::gateway::{Call, Tally};
use super::super::wire::{parse, text_of};
use super::super::{Endpoint, KoreError};
use super::Reader;
use crate::facts::{AttributeMapping, GroupId, MappedTarget, RoleId, SignOn, SyncMode};
use serde_json::Value;

/// Each is asked for: an answer for one that is not active may hold two addresses alone (kore-api section 4, row 49).
const PROTOCOLS: [&str; 3] = ["saml", "wsfed", "oidc"];

impl Reader {
    /// Calls that [`Reader::sign_on`] takes at most.
    pub const SIGN_ON_CALLS: usize = PROTOCOLS.len();

    /// What single sign-on does at each sign-in; `None` when it is off. Up to three calls, one for each protocol.
    ///
    /// # Errors
    /// As [`Reader::read`]; the scope is often not granted.
    pub async fn sign_on(&self) -> Result<Option<SignOn>, KoreError> {
        let endpoint = Endpoint::SsoConfig;
        for protocol in PROTOCOLS {
            let mut call = Call::new(endpoint).query("SSOProtocol", protocol);
            call.tries = 2;
            let body = match self.gateway.read(&call, &Tally::default()).await {
                // A platform that does not know the protocol has no configuration of it.
                Err(KoreError::Refused { .. }) if protocol != PROTOCOLS[0] => continue,
                body => body?,
            };
            let json: Value = parse(&body).map_err(|why| self.gateway.misread(endpoint, why, &body))?;
            if let Some(config) = json.get("ssoConfig").filter(|config| config.is_object()) {
                return Ok(Some(read(config, protocol)));
            }
        }
        Ok(None)
    }
}

fn read(config: &Value, asked: &str) -> SignOn {
    let fields = config.as_object();
    // The key is shown for one protocol only.
    let mapping = fields
        .into_iter()
        .flatten()
        .find(|(name, value)| name.to_ascii_lowercase().ends_with("attributemapping") && value.is_object());
    let mapping = mapping.map(|(_, mapping)| mapping).filter(|mapping| {
        mapping
            .get("status")
            .and_then(Value::as_str)
            .is_some_and(|status| status.eq_ignore_ascii_case("active"))
    });
    SignOn {
        protocol: config.get("method").and_then(text_of).unwrap_or_else(|| asked.to_owned()),
        mapping: mapping.map(attribute_mapping),
        lets_anybody_join: config.pointer("/autoOnboarding/restrict") != Some(&Value::Bool(true)),
    }
}

fn attribute_mapping(mapping: &Value) -> AttributeMapping {
    let word = mapping.get("fullSynchronization").and_then(text_of).unwrap_or_default();
    let adds_only = word.eq_ignore_ascii_case("disabled") || word.eq_ignore_ascii_case("false");
    let attributes = mapping.get("attributeMapping").and_then(Value::as_array);
    let targets = attributes.into_iter().flatten().filter_map(|attribute| {
        let target = attribute.get("koreAttribute").and_then(text_of)?;
        let is_group = attribute.get("attributeType").and_then(Value::as_str) == Some("Group");
        Some(match &*target {
            id if is_group || id.starts_with("e-") => MappedTarget::Group(GroupId::new(id)),
            id if id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                MappedTarget::AdminRole(RoleId::new(id))
            }
            _ => MappedTarget::Switch(target),
        })
    });
    AttributeMapping {
        mode: if adds_only { SyncMode::InclusionOnly } else { SyncMode::FullSync },
        targets: targets.collect(),
    }
}
