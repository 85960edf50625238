"""What drivers that are split on our runtime cost, and what they outlive."""
