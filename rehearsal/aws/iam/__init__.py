"""IAM for the embedded AWS: what a request asks for, who asks, which policies speak about it, and what they decide.

The evaluator (:mod:`.evaluate` and what it imports) is pure: documents and a request in, a decision out. The mapping
(:mod:`.mapping`) turns an API call into the actions, resources and condition keys that AWS would judge. The gate
(:mod:`.gate`) joins both in front of the embedded AWS, and :mod:`.decide` also answers the services inside it, which
ask for what they do with a role or in their own name (:mod:`.acting`, :mod:`.duties`). What none of them knows is an
error, never an allow.
"""
