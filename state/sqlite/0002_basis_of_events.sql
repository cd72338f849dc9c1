-- By which settings and code an event was decided; empty for what was recorded before, and where no setting had a say.

ALTER TABLE events ADD COLUMN basis TEXT NOT NULL DEFAULT '';
