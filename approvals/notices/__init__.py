"""People who are not looking at a page are told: by mail, or over any service of apprise.

The record is the queue. Whoever decides or opens a ticket writes their entry and nothing else; a worker follows the
places that the sealer gives to committed entries, so that nothing is missed and nothing told twice, and writes a row
for each person or place that is to know. Another round claims these rows and sends them. A service that is away delays
neither a decision nor the other services.
"""
