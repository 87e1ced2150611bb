"""Operations of the API, and the pages of the account that belong to it."""
