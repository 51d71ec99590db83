"""`payments doctor --aws`: looks at an account before a stage is deployed to it, and changes nothing there."""
