"""What an evaluation found, one file a part of it: the records that reports, scripts and the app read."""
