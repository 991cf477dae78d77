"""Operations on deployed stacks: status, causes of failures, doctor, clean and deploy."""
