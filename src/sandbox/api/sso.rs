//! 2.17: the SSO configuration. Only SAML is documented; the other protocols are stored and shown alike.

use super::{Answer, ApiError, Call};
use crate::sandbox::dialect::{SsoInactiveProtocol, SsoSwitchNames};
use crate::sandbox::sso::{self, Config, Mapping};
use crate::sandbox::store::{apps, audit, groups, uuid_of};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct SsoBody {
    #[serde(rename = "SSO_Authentication")]
    _authentication: String,
    #[serde(rename = "SSOProtocol")]
    protocol: String,
    #[serde(rename = "SAML_IdentityProvider")]
    provider: String,
    #[serde(rename = "SingleSignOnURL")]
    entry_point: String,
    #[serde(rename = "IssuerURL")]
    issuer: String,
    #[serde(rename = "Certificate")]
    certificate: Vec<String>,
    #[serde(rename = "autoOnboarding", default)]
    onboarding: Value,
    #[serde(rename = "skip2faVerification", default)]
    skip_2fa: Value,
    #[serde(rename = "SAMLAttributeMapping", default)]
    mapping: bool,
    #[serde(rename = "SyncBehaviour")]
    sync: Option<String>,
    #[serde(rename = "AttributeMapping", default)]
    attributes: Vec<AttributeElement>,
}

#[derive(Deserialize)]
struct AttributeElement {
    #[serde(rename = "SAMLAttribute_Name")]
    name: String,
    #[serde(rename = "SAMLAttribute_Value")]
    value: String,
    #[serde(rename = "Attribute_Type")]
    kind: String,
    #[serde(rename = "Kore_Attribute")]
    kore: String,
}

fn protocol(word: &str) -> Result<&str, ApiError> {
    if sso::PROTOCOLS.contains(&word) { Ok(word) } else { Err(ApiError::invalid_arguments()) }
}

/// Both addresses that are shown whether SSO is on or off.
fn addresses(call: &Call<'_>) -> Result<Map<String, Value>, ApiError> {
    let everyone = groups::by_name(call.conn, call.account.seq, groups::EVERYONE)?;
    let company = everyone.map(|group| group.id).unwrap_or_default();
    let host = &call.invites.public_url;
    Ok([
        ("ACS_IDP_URL".to_owned(), json!(format!("{host}/api/sso/login/callback?c={company}"))),
        ("ACS_SP_CallBack_URL".to_owned(), json!(format!("{host}/authorize/callback"))),
    ]
    .into_iter()
    .collect())
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, ApiError> {
    let asked = protocol(call.required("SSOProtocol")?)?;
    let mut answer = addresses(call)?;
    if let Some((stored, document)) = apps::sso(call.conn, call.account.seq)?
        && (stored == asked || call.dialect.sso_inactive_protocol == SsoInactiveProtocol::ActiveConfig)
    {
        let mut config: Value = serde_json::from_str(&document).map_err(|e| ApiError::internal(&e))?;
        if call.dialect.sso_switch_names == SsoSwitchNames::Labels {
            sso::label_switches(&mut config);
        }
        // A plain id in the answer of POST, an object here.
        config["modifiedBy"] = json!({
            "userId": config["modifiedBy"], "firstName": "Olivia", "lastName": "Owner"
        });
        answer.insert("ssoConfig".to_owned(), config);
    }
    Answer::ok(&answer)
}

pub(super) fn enable(call: &Call<'_>) -> Result<Answer, ApiError> {
    let body: SsoBody = call.body()?;
    protocol(&body.protocol)?;
    let known_sync = |sync: &str| ["Synchronize_UpdateExisting", "AddNew_RetainExisting"].contains(&sync);
    let sync_fits = !body.mapping || body.sync.as_deref().is_some_and(known_sync);
    if body.certificate.is_empty() || body.certificate.len() > sso::CERTIFICATES_MAX || !sync_fits {
        return Err(ApiError::invalid_arguments());
    }
    let existed = apps::sso(call.conn, call.account.seq)?.is_some();
    let modified_by = uuid_of("u-", &[&call.account.primary_admin]);
    let config = sso::enable(call.conn, call.account.seq, &config(&body), &modified_by, &call.stamp())?;
    call.audit(audit::SETTINGS_MODIFIED, "single sign-on enabled")?;
    let mut answer = config.as_object().cloned().unwrap_or_default();
    answer.insert("name".to_owned(), json!(body.provider));
    answer.insert("providername".to_owned(), json!(body.provider));
    answer.extend(addresses(call)?);
    let done = if existed { "updated" } else { "created" };
    answer.insert("message".to_owned(), json!(format!("SSO Configuration {done} successfully")));
    Answer::ok(&answer)
}

fn config(body: &SsoBody) -> Config {
    let truth = |value: &Value| value.as_bool().unwrap_or(false);
    let attributes = body.attributes.iter().map(|AttributeElement { name, value, kind, kore }| {
        sso::Attribute { name: name.clone(), value: value.clone(), kind: kind.clone(), kore: kore.clone() }
    });
    let is_full = body.sync.as_deref() == Some("Synchronize_UpdateExisting");
    Config {
        // Only the console sets it.
        excludes_authn_context: false,
        protocol: body.protocol.clone(),
        provider: body.provider.clone(),
        entry_point: body.entry_point.clone(),
        issuer: body.issuer.clone(),
        certificates: body.certificate.clone(),
        restricts_onboarding: truth(&body.onboarding["restrict"]),
        skips_second_factor: (truth(&body.skip_2fa["idp"]), truth(&body.skip_2fa["sp"])),
        mapping: body.mapping.then(|| Mapping { is_full, attributes: attributes.collect() }),
    }
}

pub(super) fn disable(call: &Call<'_>) -> Result<Answer, ApiError> {
    apps::clear_sso(call.conn, call.account.seq)?;
    call.audit(audit::SETTINGS_MODIFIED, "single sign-on disabled")?;
    Answer::ok(&json!({ "message": "SSO Configuration disabled" }))
}
