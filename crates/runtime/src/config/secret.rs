//! Where a secret comes from: the file itself, the environment, another file.
//!
//! The value is wrapped here and nowhere printed. Faults name the key and its
//! line, not what is written there: a secret pasted behind `_env` or `_file` is
//! an easy slip.

use secrecy::SecretString;

use super::document::Document;

/// No secret of either vendor is near this; a larger file is a mistake.
const FILE_LIMIT_BYTES: u64 = 64 * 1024;

/// The three ways to write the secret `key`.
pub(super) fn spellings(key: &str) -> [String; 3] {
    [key.to_owned(), format!("{key}_env"), format!("{key}_file")]
}

/// The secret that `spelling = "text"` stands for.
pub(super) fn resolve(
    key: &str,
    spelling: &str,
    text: String,
    document: &Document<'_>,
) -> Result<SecretString, String> {
    let [plain, env, _file] = spellings(key);
    if spelling == plain {
        return Ok(SecretString::from(text));
    }
    let value = if spelling == env {
        from_environment(&text, document)?
    } else {
        from_file(&text, document)?
    };
    // Editors and `echo` end a file with a newline that is no part of it.
    let value = value.trim_end_matches(['\r', '\n']);
    if value.trim().is_empty() {
        return Err("the place named is empty; it must hold the secret".to_owned());
    }
    Ok(SecretString::from(value.to_owned()))
}

fn from_environment(name: &str, document: &Document<'_>) -> Result<String, String> {
    (document.environment)(name)
        .ok_or_else(|| "the environment variable of this name is not set (or not UTF-8)".to_owned())
}

fn from_file(name: &str, document: &Document<'_>) -> Result<String, String> {
    let path = document.base.join(name);
    let told = |error: std::io::Error| format!("the file of this name cannot be read: {error}");
    let size_bytes = std::fs::metadata(&path).map_err(told)?.len();
    if size_bytes > FILE_LIMIT_BYTES {
        return Err(format!(
            "the file is over {FILE_LIMIT_BYTES} bytes, so no secret"
        ));
    }
    std::fs::read_to_string(&path).map_err(told)
}
