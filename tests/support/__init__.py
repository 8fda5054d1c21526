"""What tests stand on: real servers, fakes and oracles."""
