"""What operators need: health, figures, a doctor, backups."""
