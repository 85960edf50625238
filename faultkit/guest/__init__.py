"""The agent inside the guest. Imports the standard library, faultkit's model and, through monitors, bcc."""
