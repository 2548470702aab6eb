//! Clients: nothing is required, a second client with the same e-mail is welcome, user names are
//! made unique by a number, and the plan may be full (402).

use serde_json::{Value, json};

use super::super::call::{Doc, object};
use super::super::clock;
use super::super::errors::{Refusal, errno};
use super::super::state::Account;
use super::super::table::{Table, is_deleted, text};
use super::fields::Input;
use super::list::{Filter, Test};
use super::{Resource, Sort};

pub(super) struct Clients;

const OBJECT: &str = "client";

/// Writable text; unset ones are "".
const TEXT: [&str; 22] = [
    "fname",
    "lname",
    "organization",
    "email",
    "bus_phone",
    "mob_phone",
    "fax",
    "language",
    "p_street",
    "p_street2",
    "p_city",
    "p_province",
    "p_code",
    "p_country",
    "s_street",
    "s_street2",
    "s_city",
    "s_province",
    "s_code",
    "s_country",
    "company_industry",
    "company_size",
];
/// Writable text; unset ones are null.
const NULLABLE: [&str; 4] = ["note", "home_phone", "vat_name", "vat_number"];

const FILTERS: [Filter; 13] = [
    Filter::new("email", Test::Equals("email")),
    Filter::with_many("userid", "userids", Test::Equals("userid")),
    Filter::new("fname_like", Test::Like(&["fname"])),
    Filter::new("lname_like", Test::Like(&["lname"])),
    Filter::new("organization_like", Test::Like(&["organization"])),
    Filter::new("email_like", Test::Like(&["email"])),
    Filter::new(
        "phone_like",
        Test::Like(&["bus_phone", "mob_phone", "home_phone"]),
    ),
    Filter::new("bus_phone_like", Test::Like(&["bus_phone"])),
    Filter::new("mob_phone_like", Test::Like(&["mob_phone"])),
    Filter::new("home_phone_like", Test::Like(&["home_phone"])),
    Filter::new("username_like", Test::Like(&["username"])),
    Filter::new("note_like", Test::Like(&["note"])),
    Filter::new("p_city_like", Test::Like(&["p_city"])),
];

const SORTS: [Sort; 4] = [
    ("organization_name", |row| {
        text(row, "organization").to_lowercase()
    }),
    ("fullname", |row| {
        format!("{} {}", text(row, "fname"), text(row, "lname")).to_lowercase()
    }),
    ("email", |row| text(row, "email").to_owned()),
    ("updated", |row| text(row, "updated").to_owned()),
];

impl Resource for Clients {
    fn path(&self) -> [&'static str; 2] {
        ["users", "clients"]
    }
    fn single(&self) -> &'static str {
        OBJECT
    }
    fn plural(&self) -> &'static str {
        "clients"
    }
    fn table<'a>(&self, account: &'a Account) -> &'a Table {
        &account.clients
    }
    fn table_mut<'a>(&self, account: &'a mut Account) -> &'a mut Table {
        &mut account.clients
    }
    fn filters(&self) -> &'static [Filter] {
        &FILTERS
    }
    fn sorts(&self) -> &'static [Sort] {
        &SORTS
    }

    fn create(&self, account: &mut Account, body: &Doc) -> Result<u64, Refusal> {
        check_plan(account)?;
        let mut row = blank(account);
        write(account, &mut row, body)?;
        let id = account.clients.next_id();
        let username = username(account, &row, id);
        row.extend([
            ("id".into(), id.into()),
            ("userid".into(), id.into()),
            ("username".into(), username.into()),
            ("uuid".into(), uuid::Uuid::new_v4().to_string().into()),
        ]);
        account.clients.put(id, row);
        Ok(id)
    }

    fn update(&self, account: &mut Account, id: u64, body: &Doc) -> Result<(), Refusal> {
        let mut row = account
            .clients
            .get(id)
            .cloned()
            .ok_or_else(|| Refusal::not_found(OBJECT, id))?;
        write(account, &mut row, body)?;
        account.clients.put(id, row);
        Ok(())
    }

    fn before_vis_state(&self, account: &Account, id: u64, to: u64) -> Result<(), Refusal> {
        let revived = to != 1 && account.clients.get(id).is_some_and(is_deleted);
        if revived { check_plan(account) } else { Ok(()) }
    }
}

/// The plan counts clients that are not deleted.
fn check_plan(account: &Account) -> Result<(), Refusal> {
    let Some(limit) = account.settings.client_limit else {
        return Ok(());
    };
    let used = account
        .clients
        .rows()
        .filter(|(_, row)| !is_deleted(row))
        .count();
    if (used as u64) < limit {
        return Ok(());
    }
    let message = format!("Client limit of {limit} reached");
    Err(Refusal::field(OBJECT, "client", errno::CLIENT_LIMIT, message).with_status(402))
}

fn blank(account: &Account) -> Doc {
    let mut row = Doc::new();
    for field in TEXT {
        row.insert(field.into(), "".into());
    }
    for field in NULLABLE {
        row.insert(field.into(), Value::Null);
    }
    let fixed = json!({
        "accounting_systemid": account.id(), "language": "en", "role": "client", "level": 0,
        "currency_code": account.settings.base_currency, "num_logins": 0, "last_login": null,
        "exceeds_client_limit": false, "statement_token": null, "contacts": [], "vis_state": 0,
        "has_retainer": null, "retainer_id": null, "subdomain": null, "notified": false,
        "direct_link_token": null, "pref_email": true, "pref_gmail": false, "allow_late_fees": true,
        "allow_late_notifications": true, "allow_email_include_pdf": false,
        "signup_date": clock::utc(), "updated": clock::eastern(), "last_activity": null,
    });
    row.extend(object(fixed));
    row
}

/// Applies what is writable; everything else in the body is ignored.
fn write(account: &Account, row: &mut Doc, body: &Doc) -> Result<(), Refusal> {
    let input = Input::new(OBJECT, body, &account.settings);
    input.copy_text(row, &TEXT)?;
    input.copy_text(row, &NULLABLE)?;
    for field in TEXT {
        if row.get(field).is_some_and(Value::is_null) {
            row.insert(field.into(), "".into());
        }
    }
    if let Some(code) = input.currency("currency_code")? {
        row.insert("currency_code".into(), code.into());
    }
    let email = text(row, "email");
    if !email.is_empty() && !looks_like_email(email) {
        let value = Value::from(email);
        return Err(input.refuse(
            "email",
            errno::INVALID_VALUE,
            "Please enter a valid email.",
            &value,
        ));
    }
    if let Some(contacts) = input.raw("contacts") {
        let contacts = contacts.as_array().ok_or_else(|| {
            input.refuse(
                "contacts",
                errno::INVALID_VALUE,
                "contacts must be a list.",
                contacts,
            )
        })?;
        row.insert("contacts".into(), secondary(&input, contacts)?.into());
    }
    Ok(())
}

fn secondary(input: &Input<'_>, contacts: &[Value]) -> Result<Vec<Value>, Refusal> {
    let mut rows = Vec::new();
    for (position, contact) in contacts.iter().enumerate() {
        let body = contact.as_object().ok_or_else(|| {
            input.refuse(
                "contacts",
                errno::INVALID_VALUE,
                "A contact must be an object.",
                contact,
            )
        })?;
        let mut row = Doc::new();
        for field in ["fname", "lname", "email", "phone1", "phone2"] {
            row.insert(field.into(), "".into());
        }
        row.insert("contactid".into(), (position + 1).into());
        input
            .nested(body)
            .copy_text(&mut row, &["fname", "lname", "email", "phone1", "phone2"])?;
        rows.push(Value::Object(row));
    }
    Ok(rows)
}

/// The vendor's own test is unknown; this one refuses only what no mail server would take.
fn looks_like_email(email: &str) -> bool {
    let has_space = email.chars().any(char::is_whitespace);
    email
        .split_once('@')
        .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !has_space)
}

/// Derived from the name; `testclient`, then `testclient2`. Deleted clients keep theirs.
fn username(account: &Account, row: &Doc, id: u64) -> String {
    let email_user = text(row, "email")
        .split('@')
        .next()
        .unwrap_or("")
        .to_owned();
    let full = format!("{}{}", text(row, "fname"), text(row, "lname"));
    let stem = [text(row, "organization"), &full, &email_user]
        .into_iter()
        .map(letters)
        .find(|stem| !stem.is_empty())
        .unwrap_or_else(|| format!("client{id}"));
    let taken = |name: &str| {
        account
            .clients
            .indexed("username", name)
            .is_some_and(|ids| !ids.is_empty())
    };
    if !taken(&stem) {
        return stem;
    }
    let mut suffix = 2_u64;
    loop {
        let name = format!("{stem}{suffix}");
        if !taken(&name) {
            return name;
        }
        suffix += 1;
    }
}

fn letters(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_lowercase()
}
