"""Who is held by one of us hears Media Bot alone, and is heard by nobody."""
