//! 2.17: the SSO configuration. Only SAML is documented; the other protocols are stored and shown alike.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answer, ApiError, Call};
use crate::sandbox::store::{accounts, apps, audit, groups, uuid_of};

#[derive(Deserialize)]
struct Body {
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
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
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
    if ["saml", "wsfed", "oidc"].contains(&word) { Ok(word) } else { Err(ApiError::invalid_arguments()) }
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
        && stored == asked
    {
        let mut config: Value = serde_json::from_str(&document).map_err(|e| ApiError::internal(&e))?;
        // A plain id in the answer of POST, an object here.
        config["modifiedBy"] = json!({
            "userId": config["modifiedBy"], "firstName": "Olivia", "lastName": "Owner"
        });
        answer.insert("ssoConfig".to_owned(), config);
    }
    Answer::ok(&answer)
}

pub(super) fn enable(call: &Call<'_>) -> Result<Answer, ApiError> {
    let body: Body = call.body()?;
    let protocol = protocol(&body.protocol)?;
    let known_sync = |sync: &str| ["Synchronize_UpdateExisting", "AddNew_RetainExisting"].contains(&sync);
    let sync_fits = !body.mapping || body.sync.as_deref().is_some_and(known_sync);
    if body.certificate.is_empty() || body.certificate.len() > 2 || !sync_fits {
        return Err(ApiError::invalid_arguments());
    }
    let existed = apps::sso(call.conn, call.account.seq)?.is_some();
    let config = config(call, &body);
    apps::set_sso(call.conn, call.account.seq, protocol, &config.to_string())?;
    // 3.9: the two exclude each other, whoever comes last wins.
    accounts::set_two_factor(call.conn, call.account.seq, false)?;
    call.audit(audit::SETTINGS_MODIFIED, "single sign-on enabled")?;
    let mut answer = config.as_object().cloned().unwrap_or_default();
    answer.insert("name".to_owned(), json!(body.provider));
    answer.insert("providername".to_owned(), json!(body.provider));
    answer.extend(addresses(call)?);
    let done = if existed { "updated" } else { "created" };
    answer.insert("message".to_owned(), json!(format!("SSO Configuration {done} successfully")));
    Answer::ok(&answer)
}

fn config(call: &Call<'_>, body: &Body) -> Value {
    let full = body.sync.as_deref() == Some("Synchronize_UpdateExisting");
    let attributes: Vec<Value> = body
        .attributes
        .iter()
        .map(|Attribute { name, value, kind, kore }| {
            json!({ "samlAttributeName": name, "samlAttributeValue": value, "attributeType": kind, "koreAttribute": kore })
        })
        .collect();
    let truth = |value: &Value| value.as_bool().unwrap_or(false);
    let mut config = json!({
        "method": body.protocol, "allusers": false, "ssoProvider": body.provider,
        "autoOnboarding": { "restrict": truth(&body.onboarding["restrict"]) },
        "modifiedDate": call.stamp(), "modifiedBy": uuid_of("u-", &[&call.account.primary_admin]),
        "skip2faVerification": { "idp": truth(&body.skip_2fa["idp"]), "sp": truth(&body.skip_2fa["sp"]) },
        "config": {
            "cert": body.certificate, "entryPoint": body.entry_point, "issuer": body.issuer,
            "disableRequestedAuthnContext": false
        }
    });
    if body.mapping {
        config["samlAttributeMapping"] = json!({
            "fullSynchronization": if full { "enabled" } else { "disabled" }, "status": "active",
            "attributeMapping": attributes
        });
    }
    config
}

pub(super) fn disable(call: &Call<'_>) -> Result<Answer, ApiError> {
    apps::clear_sso(call.conn, call.account.seq)?;
    call.audit(audit::SETTINGS_MODIFIED, "single sign-on disabled")?;
    Answer::ok(&json!({ "message": "SSO Configuration disabled" }))
}
