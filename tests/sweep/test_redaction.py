"""Secrets in running text are hidden, and harmless texts are shown as they are."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.redaction import hide_in_address, hide_in_arguments, hide_passwords

# Texts with a secret `S3CRET`, and how they are shown.
SHOWN = {
    "postgresql://me:S3CRET@host/db": "postgresql://me:***@host/db",
    "postgresql://us@er:S3CRET@host/db": "postgresql://us@er:***@host/db",
    "postgresql://me:x@S3CRET@host/db": "postgresql://me:***@host/db",
    "postgresql://us@er:x@S3CRET@host:5432/db": "postgresql://us@er:***@host:5432/db",
    "postgresql://me:a b S3CRET@host/db": "postgresql://me:***@host/db",
    "mysql+pymysql://a user:S3CRET@host/db": "mysql+pymysql://a user:***@host/db",
    "mysql+pymysql://a user:x S3CRET@host/db": "mysql+pymysql://a user:***@host/db",
    "https://me:12/S3CRET@host": "https://me:***@host",
    "from redis://:S3CRET@host to mysql://me:S3CRET@host": "from redis://:***@host to mysql://me:***@host",
    "'postgresql://pwd:S3CRET@host/db'": "'postgresql://pwd:***@host/db'",
    "postgresql://host/db?user=me&password=S3CRET&x=1": "postgresql://host/db?user=me&password=***&x=1",
    "mysql://host/db?pass%77ord=S3CRET&x=1": "mysql://host/db?pass%77ord=***&x=1",
    "mssql://host/?odbc_connect=PWD%3DS3CRET": "mssql://host/?odbc_connect=***",
    "mssql://host/?odbc_connect=UID=me;PWD=S3CRET": "mssql://host/?odbc_connect=***",
    "https://host/?a=1&api_key=S3CRET": "https://host/?a=1&api_key=***",
    "curl https://hooks.slack.com/services/T0/S3CRET x": "curl https://hooks.slack.com/*** x",
    "'https://chat.example.org/hooks/S3CRET'": "'https://chat.example.org/hooks/***'",
    "https://discord.com/api/webhooks/1/S3CRET, x": "https://discord.com/api/webhooks/***, x",
    "MYSQL_PWD=S3CRET mysql": "MYSQL_PWD=*** mysql",
    "export PGPASSWORD='S3CRET x'; psql": "export PGPASSWORD=***; psql",
    "DRIVER={x};UID=me;PWD={a;S3CRET};x=1": "DRIVER={x};UID=me;PWD=***;x=1",
    "host=db password=S3CRET user=me": "host=db password=*** user=me",
    "host=db password = 'a\\'S3CRET' user=me": "host=db password = *** user=me",
    "password='a''S3CRET' user=me": "password=*** user=me",
    'password="a\\"S3CRET", user="me"': 'password=***, user="me"',
    "connect(password=b'S3CRET', user='me')": "connect(password=***, user='me')",
    "password='S3CRET was cut off\nepoch 1": "password=***\nepoch 1",
    "{'db_password': 'S3CRET', 'x': 1}": "{'db_password': ***, 'x': 1}",
    '"{\\"password\\": \\"S3CRET\\"}"': '"{\\"password\\": ***',
    "pass=S3CRET x": "pass=*** x",
    "DB_PASS=S3CRET x": "DB_PASS=*** x",
    '{"pass": "S3CRET"}': '{"pass": ***}',
    "run --password S3CRET --fast": "run --password *** --fast",
    "run --password 'a S3CRET' --fast": "run --password *** --fast",
    "run --password=S3CRET --fast": "run --password=*** --fast",
    "run --db-password S3CRET": "run --db-password ***",
    "run --token S3CRET": "run --token ***",
    "run --token=S3CRET --x": "run --token=*** --x",
    "run --pass=S3CRET": "run --pass=***",
    "run --hf-token S3CRET": "run --hf-token ***",
    "mysql -u me -pS3CRET sweep": "mysql -u me -p*** sweep",
    "mysqldump -p'a S3CRET' sweep": "mysqldump -p*** sweep",
    "sshpass -pS3CRET ssh host": "sshpass -p*** ssh host",
    "Authorization: Bearer S3CRET.x-y_z": "Authorization: Bearer ***",
    "{'Authorization': 'Basic S3CRET=='}": "{'Authorization': 'Basic ***'}",
    "proxy-authorization: S3CRET": "proxy-authorization: ***",
    "token: S3CRET": "token: ***",
    "token = 'S3CRET x'": "token = ***",
    "HF_TOKEN=S3CRET x": "HF_TOKEN=*** x",
    "access_token: S3CRET": "access_token: ***",
    "hf_token='S3CRET'": "hf_token=***",
    "WANDB_API_KEY=S3CRET": "WANDB_API_KEY=***",
    "AWS_SECRET_ACCESS_KEY=S3CRET": "AWS_SECRET_ACCESS_KEY=***",
    "client_secret: S3CRET": "client_secret: ***",
}

HARMLESS = [
    "val_pass_rate=0.9",
    "passes=3, passed: 4, pass_rate: 0.5, bypass=1",
    "second pass: 3 of 4",
    "pass",
    "compass=3",
    "token_count=512 tokens=3 tokens_per_second: 1e4",
    "pad_token: <pad>, eos_token='</s>', loss_per_token=0.5",
    "token: 512, token=0.25",
    "a password reset was requested; passwords are hidden",
    "the password is not shown, and no token is needed",
    "docker login --password-stdin",
    "--token-limit 5 --max-token 512 --pad-token=<pad>",
    "with --no-token everybody is answered",
    "secretary=3, the secret of success",
    "authorization is required",
    "OLDPWD=/home/me",
    "sqlite:///sweep.db",
    "postgresql://me@host:5432/db",
    "postgresql://host:5432/db was not reached by me@host",
    "postgresql://me@host:5432 was not reached by me@host",
    "postgresql://host: no answer for me@host",
    "http://example.org:80/ by me@example.org",
    "git+ssh://git@example.org:22/x@main",
    "psql -p 5432 -h host",
    "mysql --protocol=tcp -P 3306 -p sweep",
    "gcc -pthread",
    "https://host/?page=2&q=a",
    "trial 3: epoch 2, val_accuracy = 0.91",
    "jobs 1-3: 12:30:05, user: me, key: value, author=me",
]


@pytest.mark.parametrize(("text", "shown"), SHOWN.items())
def test_secret_is_hidden_and_the_rest_is_shown(text: str, shown: str) -> None:
    assert hide_passwords(text) == shown
    assert hide_passwords(shown) == shown
    assert hide_passwords(f"first line\n{text}\nlast line") == f"first line\n{shown}\nlast line"


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_shown(text: str) -> None:
    assert hide_passwords(text) == text


characters = st.characters(min_codepoint=33, max_codepoint=126)
words = st.text(characters, max_size=5)
secrets = st.builds("{}S3CRET{}".format, words, words)


@given(secrets)
def test_every_password_of_a_url_is_hidden(password: str) -> None:
    assert "S3CRET" not in hide_passwords(f"cannot reach postgresql://me:{password}@host/db")
    assert "S3CRET" not in hide_in_address(f"postgresql://me:{password}@host/db")


@given(secrets, st.sampled_from(["password={}, x=1", "{{'token': {}}}", "connect(passwd={})"]))
def test_every_quoted_value_is_hidden(value: str, template: str) -> None:
    assert "S3CRET" not in hide_passwords(template.format(repr(value)))


@given(secrets, secrets)
def test_every_argument_that_is_a_password_is_hidden(value: str, other: str) -> None:
    arguments = [
        f"--password={value} {other}",
        f"fixed.password={value} {other}",
        "--token",
        f"x{value} {other}",
    ]
    assert hide_in_arguments(arguments) == ["--password=***", "fixed.password=***", "--token", "***"]


def test_option_without_a_value_hides_no_other_option() -> None:
    arguments = ["--password", "--study", "toy", "--pass"]
    assert hide_in_arguments(arguments) == arguments


@pytest.mark.parametrize(
    "piece", ["://", "://a:", "password", "--token ", "mysql ", "a@", "?%41", "x ", "-p "]
)
def test_long_text_is_read_quickly(piece: str) -> None:
    start = time.perf_counter()
    hide_passwords("postgresql://" + piece * (40_000 // len(piece)))
    assert time.perf_counter() - start < 5
