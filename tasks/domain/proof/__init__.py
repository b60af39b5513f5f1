"""Proof about an image: statements about its digest, signed, and judged again before they are believed.

Everything here is a pure function over bytes and values. A statement (in-toto) says one thing about a digest; an
envelope (DSSE) carries it with a signature; a bundle (Sigstore) is how it lies in a registry, as a referrer of the
digest. To keep something of your own about an image, and to read it back in a flow (`key` is a SigningKey block):

    keep_statement(registry, path, key, Statement(name, digest, MY_TYPE, {"what": "you say"}))   # flows.proof
    mine = read_statements(registry, path, key, digest, MY_TYPE)                                # flows.proof

Both stand on tasks.signing (signs, tells which keys are trusted) and tasks.registry.referrers (attaches, lists). A
predicate type is a URI of ours, such as urn:tidegate:gates:v1; what it carries is JSON. Keeping the same statement
twice keeps one.
"""
