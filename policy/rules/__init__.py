"""What may be deployed around ACR Transfer: rules that need no engine, and how the engine gets them."""
