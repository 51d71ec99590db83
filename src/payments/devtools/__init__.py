"""What a developer's machine needs and production never runs: embedded servers, supervisor, doctor, seed and demo."""
