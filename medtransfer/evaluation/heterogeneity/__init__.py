"""Does it hold for these patients, and at this site: figures by subgroup and by site, and the spread between sites."""
