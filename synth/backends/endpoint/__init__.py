"""How to live with an HTTP endpoint, whatever it is asked for.

calling   ask until there is an answer, or until it is known who is to blame
posting   HTTP/1.1 on connections that are kept      retrying  when to ask again, how much at once
address   where it is, and what must not be shown    complaint what it refuses, in its own words
"""
