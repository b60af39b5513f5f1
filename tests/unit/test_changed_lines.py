"""The lines that a diff adds are found by their new numbers, whatever stands in them."""

from tasks.domain.gates.changed_lines import parse_diff

DIFF = r"""diff --git a/a.py b/a.py
index 1..2 100644
--- a/a.py
+++ b/a.py
@@ -1 +1,2 @@ def f():
-old
+new
+++ b/other.py
@@ -10,2 +11,0 @@
--- a/x
-gone
@@ -20,0 +20 @@
+@@ -1 +1,99 @@
\ No newline at end of file
diff --git a/gone.py b/gone.py
deleted file mode 100644
--- a/gone.py
+++ /dev/null
@@ -1,2 +0,0 @@
-a
-b
diff --git "a/with \"quotes\" \303\244.py" "b/with \"quotes\" \303\244.py"
--- /dev/null
+++ "b/with \"quotes\" \303\244.py"
@@ -0,0 +1,3 @@
+a
+b
+c
diff --git a/a b.py b/a b.py
--- a/a b.py<TAB>
+++ b/a b.py<TAB>
@@ -5 +5 @@
-a
+b
""".replace("<TAB>", "\t")


def test_added_lines_are_found_by_file_and_number() -> None:
    assert parse_diff(DIFF) == {
        "a.py": {1, 2, 20},
        'with "quotes" ä.py': {1, 2, 3},
        "a b.py": {5},
    }


def test_no_diff_is_no_line() -> None:
    assert parse_diff("") == {}


def test_a_diff_that_ends_early_is_read_as_far_as_it_goes() -> None:
    assert parse_diff("+++ b/a.py\n@@ -0,0 +1,3 @@\n+a") == {"a.py": {1, 2, 3}}
