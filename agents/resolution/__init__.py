"""The stage that acts: plans an agreed remedy, carries it out once, verifies it, and remembers what helped."""
