"""Operations: status, failure causes, doctor, clean and ship."""
