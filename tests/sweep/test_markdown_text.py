import pytest

from sweep.markdown_text import markdown_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("val_loss", r"val\_loss"),
        ("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert(1)\>"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("![x](https://example.org)", r"\!\[x\](https://example.org)"),
        ("a\n# heading\n\n| cell", r"a \# heading \| cell"),
        ("$x$ `code` ~~gone~~", r"\$x\$ \`code\` \~\~gone\~\~"),
    ],
)
def test_markdown_and_html_are_escaped(text: str, shown: str) -> None:
    assert markdown_text(text) == shown
