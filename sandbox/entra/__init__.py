"""Microsoft Entra ID: sign-in, tokens and managed identities."""
